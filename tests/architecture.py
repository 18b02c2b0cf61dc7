"""Who may import whom, as a table, and the picture of it in CONTRIBUTING.md. Writes reports/architecture.svg.

    python tests/architecture.py

test_architecture.py holds every import of the package to the table. The picture has a box a wing, and an arrow where a box may import
another, less the arrows that others imply and those to the ground, which all boxes stand on.
"""

import html
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "reports" / "architecture.svg"

TOP = [
    "_version",
    "errors",
    "environment",
    "files",
    "source",
    "families",
    "language",
    "alterations",
    "rules",
    "metrics",
    "fold",
    "record",
    "cell",
    "registration",
]
#: Top-level module or wing -> what of the package it may import beside its own wing; nothing may import lstmcs/__init__.
MAY_IMPORT = {
    "_version": [],
    "errors": [],
    "registration": [],
    "environment": ["_version"],
    "files": ["errors"],
    "source": ["errors"],
    "families": [],
    "language": ["errors"],
    "alterations": ["errors", "families", "language"],
    "metrics": ["errors"],
    "rules": ["errors"],
    "fold": ["alterations", "errors"],
    "record": ["metrics", "fold", "errors"],
    "protocols": ["environment", "files", "rules", "fold", "errors", "datasets"],
    "recurrence": [],
    "cell": ["alterations", "recurrence"],
    "datasets": ["errors", "environment", "files", "source"],
    "models": ["alterations", "cell", "errors", "files", "source"],
    "stats": ["alterations", "families", "fold", "metrics", "errors"],
    "training": [*TOP, "recurrence", "datasets", "models"],
    "study": [*TOP, "protocols", "datasets", "models.kinds", "models.checkpoints", "training"],
    "paper": [*TOP, "datasets", "models", "stats"],
    "report": [*TOP, "protocols", "datasets", "models", "stats", "training", "study", "paper"],
    "explorer": [*TOP, "datasets", "models", "study", "report"],
    "__main__": [*TOP, "protocols", "datasets", "models", "stats", "training", "study", "paper", "report"],
}
GROUND = "ground"
#: Box -> (left, right, row, what it is, modules or wings).
BOXES = {
    "notebooks and command line": (8, 352, 0, "the story, parameterised; study, status, report, records, data", ["__main__", "explorer"]),
    "report": (8, 352, 1, "notebooks run in batch; pages, pictures, sentences", ["report"]),
    "paper": (8, 168, 2, "its tables and claims, and our folds beside them", ["paper"]),
    "study": (192, 352, 2, "what to train, by whom; records and editions", ["study", "protocols"]),
    "stats": (8, 108, 3, "verdicts: frames in, numbers out", ["stats"]),
    "training": (192, 352, 3, "one fold: configuration in, record out", ["training"]),
    "models": (136, 292, 4, "Bi-LSTM-CS, SIMPLE, BERT", ["models"]),
    "cell": (136, 292, 5, "the line marked NEW, and the fast loop (recurrence)", ["cell", "recurrence"]),
    "datasets": (8, 352, 6, "files in, ids out", ["datasets"]),
    GROUND: (
        8, 352, 7, "imported by all above: language (of formulas), alterations, families, fold, record, rules, metrics, source, files, environment, errors",
        ["language", "alterations", "families", "fold", "record", "rules", "metrics", "source", "files", "environment", "errors", "registration", "_version"],
    ),
}  # fmt: skip
WIDTH, GAP, MARGIN, LINE = 360, 30, 8, 15
ABOUT = "Wings of lstmcs; an arrow means: imports. Arrows that others imply are left out, and all boxes import the ground"


def arrows() -> list[tuple[str, str]]:
    """Box -> box, less what a longer way implies and what leads to the ground."""
    box_of = {name: box for box, (*_, names) in BOXES.items() for name in names}
    direct = {
        box: {box_of[other.partition(".")[0]] for name in names for other in MAY_IMPORT[name]} - {box, GROUND}
        for box, (*_, names) in BOXES.items()
    }

    def reach(box):
        return direct[box].union(*map(reach, direct[box]))

    implied = {box: set().union(*map(reach, direct[box])) for box in BOXES}
    return [(box, other) for box in BOXES for other in BOXES if other in direct[box] - implied[box]]


def _lines(box: str) -> list[str]:
    left, right, _, what, _ = BOXES[box]
    return textwrap.wrap(what, int((right - left - 16) / 5.9))


def rectangles() -> dict[str, tuple[int, int, int, int]]:
    """Box -> left, top, right, bottom; a row is as high as its fullest box."""
    high = {row: max(30 + LINE * len(_lines(box)) for box in BOXES if BOXES[box][2] == row) for *_, row, _, _ in BOXES.values()}
    top = {row: MARGIN + sum(high[above] + GAP for above in range(row)) for row in high}
    return {box: (left, top[row], right, top[row] + high[row]) for box, (left, right, row, *_) in BOXES.items()}


def lines() -> dict[tuple[str, str], tuple[int, int, int]]:
    """Arrow -> x, where it leaves and where it ends: straight down, and beside the boxes in between."""
    found, boxes = {}, rectangles()
    for start, end in arrows():
        (a, _, b, bottom), (c, top, d, _) = boxes[start], boxes[end]
        low, high = max(a, c), min(b, d)
        for box in BOXES:  # in between: the arrow passes beside
            left, above, right, below = boxes[box]
            if bottom <= above and below <= top and left < high and right > low:
                low, high = (low, left) if left - low > high - right else (right, high)
        found[start, end] = ((low + high) // 2, bottom, top)
    return found


def svg() -> str:
    boxes = rectangles()
    height = max(bottom for *_, bottom in boxes.values()) + MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="system-ui, sans-serif" role="img">',
        f"<title>{ABOUT}</title>",
        '<defs><marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="#55606b"/></marker></defs>',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
    ]
    for (start, end), (x, y1, y2) in lines().items():
        parts.append(
            f'<path data-from="{start}" data-to="{end}" d="M{x} {y1}L{x} {y2}" fill="none" stroke="#55606b" stroke-width="1.5"'
            ' marker-end="url(#a)"/>'
        )
    for box, (left, top, right, bottom) in boxes.items():
        fill, line = {"cell": ("#fff2cc", "#b07d00"), GROUND: ("#eceff1", "#55606b")}.get(box, ("#eef4fa", "#005a8c"))
        spans = "".join(
            f'<tspan x="{left + 8}" y="{top + 36 + LINE * n}">{html.escape(text)}</tspan>' for n, text in enumerate(_lines(box))
        )
        parts.append(
            f'<g><rect data-box="{box}" x="{left}" y="{top}" width="{right - left}" height="{bottom - top}" rx="5" fill="{fill}" stroke="{line}"/>'
            f'<text x="{left + 8}" y="{top + 19}" font-size="14" font-weight="600" fill="#1b1b1b">{html.escape(box)}</text>'
            f'<text font-size="12" fill="#333">{spans}</text></g>'
        )
    return "\n".join([*parts, "</svg>"]) + "\n"


if __name__ == "__main__":
    TARGET.write_text(svg(), encoding="utf-8")
    print(TARGET)
