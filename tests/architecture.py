"""The picture of the package: boxes of modules, and an arrow where a box imports another. Writes reports/architecture.svg.

    python tests/architecture.py

Where a box stands is a table here; the arrows are read from the imports, less those that others imply.
"""

import ast
import html
import json
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "reports" / "architecture.svg"
#: Box -> (column, row, what it does, modules). "notebooks" stands for the files of that folder.
BOXES = {
    "notebooks": (0.5, 0, "the story, parameterised", []),
    "command line": (3, 0, "study, status, report, records, data", ["__main__"]),
    "price": (2, 1, "what a model's score costs", ["price"]),
    "pages": (3, 1, "run notebooks, write HTML", ["report", "pages"]),
    "pictures": (1, 2, "figures, tables, formulas", ["plots", "plots_summary", "plots_models", "show"]),
    "sweep": (3, 2, "what to train, and by whom", ["study", "plan", "order", "estimate", "workers", "cluster", "progress"]),
    "claims": (0, 2, "the paper's claims, checked", ["claims", "contradictions", "evidence", "gaps", "headline"]),
    "one fold": (3, 3, "configuration in, record out", ["training", "folds", "batches", "finetuning", "reference"]),
    "verdicts": (0, 3, "what the folds say", ["stats", "nulls", "replicability", "across"]),
    "records": (1, 4, "one small file a fold", ["records", "index", "edition"]),
    "models": (3, 4, "Bi-LSTM-CS, SIMPLE, BERT", ["models", "kinds", "encoder", "bert", "checkpoints"]),
    "data": (2, 5, "files in, ids out", ["datasets", "sources", "preparation", "preprocess", "words", "describe"]),
    "paper": (0, 6, "its tables, and how near we come", ["paper", "protocol"]),
    "cell": (3, 5, "the line marked NEW in cell.py", ["alterations", "cell", "recurrence"]),
    "scores": (1, 7, "accuracy and F1", ["metrics"]),
    "ground": (2, 7, "folders, versions", ["paths", "environment"]),
}
WIDTH, HEIGHT, GAP_X, GAP_Y, MARGIN = 222, 98, 34, 44, 14


def imports() -> dict[str, set[str]]:
    """Module -> modules of the package it imports; "notebooks" for all notebooks together."""
    sources = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "lstmcs").glob("*.py") if path.stem != "__init__"}
    cells = [
        cell for path in sorted((ROOT / "notebooks").glob("*.ipynb")) for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]
    ]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    found = {name: _imported(text) & set(sources) for name, text in sources.items()}
    return found | {"notebooks": _imported(code) & set(sources)}


def _imported(text: str) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and (node.level == 1 or (node.module or "").split(".")[0] == "lstmcs"):
            module = (node.module or "").removeprefix("lstmcs").strip(".")
            names |= {module} if module else {alias.name for alias in node.names}
    return names


def arrows() -> list[tuple[str, str]]:
    """Box -> box, less what a longer way implies. Raises ValueError for a module without a box, or for a circle."""
    box_of = {module: box for box, (*_, modules) in BOXES.items() for module in modules} | {"notebooks": "notebooks"}
    used = imports()
    if lost := sorted(set(used) - set(box_of)):
        raise ValueError(f"no box in tests/architecture.py for {', '.join(lost)}")
    direct = {box: set() for box in BOXES}
    for module, others in used.items():
        direct[box_of[module]] |= {box_of[other] for other in others} - {box_of[module]}

    def reach(box, seen=()):
        if box in seen:
            raise ValueError(f"boxes import in a circle: {' -> '.join([*seen, box])}")
        return direct[box].union(*(reach(other, (*seen, box)) for other in direct[box]))

    implied = {box: set().union(*(reach(other) for other in direct[box])) for box in BOXES}
    return [(box, other) for box in BOXES for other in BOXES if other in direct[box] - implied[box]]


def svg() -> str:
    wide = max(_corner(box)[0] for box in BOXES) + WIDTH + MARGIN
    high = max(_corner(box)[1] for box in BOXES) + HEIGHT + MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" font-family="system-ui, sans-serif" role="img">',
        "<title>Modules of lstmcs and what they import</title>",
        '<defs><marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="#55606b"/></marker></defs>',
        f'<rect width="{wide}" height="{high}" fill="#fff"/>',
    ]
    into, out = {}, {}
    drawn = arrows()
    for start, end in drawn:
        into.setdefault(end, []).append(start)
        out.setdefault(start, []).append(end)
    for start, end in drawn:
        x1, y1 = _port(start, out[start], end, bottom=True)
        x2, y2 = _port(end, into[end], start, bottom=False)
        bend = min(60, abs(y2 - y1) / 2)
        parts.append(
            f'<path data-from="{start}" data-to="{end}" d="M{x1:.0f} {y1:.0f}C{x1:.0f} {y1 + bend:.0f} {x2:.0f} {y2 - bend:.0f} {x2:.0f} {y2:.0f}"'
            ' fill="none" stroke="#55606b" stroke-width="1.3" marker-end="url(#a)"/>'
        )
    for name, (_, _, what, modules) in BOXES.items():
        x, y = _corner(name)
        fill, line = ("#fff2cc", "#b07d00") if name == "cell" else ("#eef4fa", "#005a8c")
        lines = textwrap.wrap(", ".join(modules) or "01_data, 02_cell, ...", 30)
        files = "".join(f'<tspan x="{x + 10}" dy="{14 if i else 0}">{html.escape(line)}</tspan>' for i, line in enumerate(lines))
        parts.append(
            f'<g><rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="6" fill="{fill}" stroke="{line}"/>'
            f'<text x="{x + 10}" y="{y + 22}" font-size="15" font-weight="600" fill="#1b1b1b">{html.escape(name)}</text>'
            f'<text x="{x + 10}" y="{y + 40}" font-size="11.5" fill="#333">{html.escape(what)}</text>'
            f'<text y="{y + 61}" font-size="11" font-family="ui-monospace, monospace" fill="#1b1b1b">{files}</text></g>'
        )
    return "\n".join([*parts, "</svg>"]) + "\n"


def _corner(name: str) -> tuple[int, int]:
    column, row, *_ = BOXES[name]
    return round(MARGIN + column * (WIDTH + GAP_X)), MARGIN + row * (HEIGHT + GAP_Y)


def _port(name: str, others: list[str], other: str, bottom: bool) -> tuple[float, float]:
    """Where an arrow meets a box: side by side, in the order of the boxes at the other end."""
    x, y = _corner(name)
    order = sorted(others, key=lambda box: BOXES[box][:2])
    return x + WIDTH * (order.index(other) + 1) / (len(order) + 1), y + (HEIGHT if bottom else 0)


if __name__ == "__main__":
    TARGET.write_text(svg(), encoding="utf-8")
    print(TARGET)
