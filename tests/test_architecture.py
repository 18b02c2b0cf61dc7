"""Every import of the package against the table in architecture.py, and CONTRIBUTING's picture against both."""

import ast
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import architecture
import pytest
from architecture import MAY_IMPORT, ROOT

FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / "lstmcs").rglob("*.py"))
}
DRAWING = ElementTree.parse(architecture.TARGET).getroot()
SVG = "{http://www.w3.org/2000/svg}"


def imported(module: str, path: Path, text: str) -> set[str]:
    """Modules of the package that a file imports, wherever in it; lstmcs itself where it takes a name from lstmcs/__init__."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            package = module.split(".") if path.stem == "__init__" else module.split(".")[:-1]
            base = ".".join([*package[: len(package) - node.level + 1], node.module or ""] if node.level else [node.module]).strip(".")
            found |= {full if (full := f"{base}.{alias.name}") in FILES else base for alias in node.names}
    return {name for name in found if name.partition(".")[0] == "lstmcs"}


IMPORTS = {module: imported(module, path, path.read_text(encoding="utf-8")) for module, path in FILES.items()}


def wing(module: str) -> str:
    return module.split(".")[1]


@pytest.mark.parametrize("module", sorted(set(FILES) - {"lstmcs"}))
def test_a_module_imports_what_the_table_lets_it(module):
    assert IMPORTS[module] <= set(FILES) - {"lstmcs"}, "a name of lstmcs/__init__, or no module"
    others = {name.removeprefix("lstmcs.") for name in IMPORTS[module] if wing(name) != wing(module)}
    allowed = MAY_IMPORT[wing(module)]
    assert {name for name in others if not any(name == other or name.startswith(f"{other}.") for other in allowed)} == set()


def test_there_is_no_circle():
    left = dict(IMPORTS)
    while free := [module for module, others in left.items() if not (others - {module}) & set(left)]:
        for module in free:
            del left[module]
    assert not left, f"import each other in a circle: {sorted(left)}"


def test_the_paper_is_no_part_of_statistics_data_or_the_study():
    assert not any("paper" in MAY_IMPORT[name] for name in ("stats", "datasets", "study"))


def test_wings_are_flat_and_small():
    for path in FILES.values():
        assert len(path.relative_to(ROOT / "lstmcs").parts) <= 2, path
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 450, path
    wings = [wing(module) for module, path in FILES.items() if module.count(".") == 2]
    assert set(map(wing, set(FILES) - {"lstmcs"})) == set(MAY_IMPORT) and all(wings.count(name) <= 8 for name in wings)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("from .. import environment", "lstmcs.environment"),
        ("def f():\n    from ..paper.tables import published", "lstmcs.paper.tables"),
        ("from . import plan as p", "lstmcs.study.plan"),
        ("import lstmcs.report.run", "lstmcs.report.run"),
        ("from lstmcs import run_study", "lstmcs"),
        ("from .. import __version__", "lstmcs"),
        ("from ..stats import holm", "lstmcs.stats"),
        ("import numpy, keras", None),
    ],
)
def test_every_way_to_import_is_seen(line, found):
    assert imported("lstmcs.study.sweep", FILES["lstmcs.study.sweep"], line) == ({found} if found else set())
    assert imported("lstmcs.study", FILES["lstmcs.study"], line) == ({found} if found else set())


# === The picture ===


def test_the_picture_is_the_one_its_script_draws():
    assert architecture.TARGET.read_text(encoding="utf-8") == architecture.svg(), "run python tests/architecture.py"


def test_an_arrow_is_an_import_and_every_import_has_its_way():
    box_of = {name: box for box, (*_, names) in architecture.BOXES.items() for name in names}
    assert set(box_of) == set(MAY_IMPORT) and len(architecture.BOXES) <= 10
    real = {(box_of[wing(a)], box_of[wing(b)]) for a in set(FILES) - {"lstmcs"} for b in IMPORTS[a]}
    real = {(a, b) for a, b in real if a != b and b != architecture.GROUND}
    drawn = {(path.get("data-from"), path.get("data-to")) for path in DRAWING.iter(f"{SVG}path") if path.get("data-from")}
    ways = set(drawn)
    while more := {(a, d) for a, b in ways for c, d in ways if b == c} - ways:
        ways |= more
    assert drawn <= real <= ways and not any((b, a) in ways for a, b in ways)


def test_no_arrow_crosses_another_or_a_box():
    boxes, arrows = {}, {}
    for rect in DRAWING.iter(f"{SVG}rect"):
        if name := rect.get("data-box"):
            x, y, width, height = (float(rect.get(key)) for key in ("x", "y", "width", "height"))
            boxes[name] = (x, y, x + width, y + height)
    for path in DRAWING.iter(f"{SVG}path"):
        if path.get("data-from"):
            start, end = (tuple(map(float, point.split())) for point in path.get("d").removeprefix("M").split("L"))
            arrows[path.get("data-from"), path.get("data-to")] = start, end
    assert set(boxes) == set(architecture.BOXES) and len(arrows) == len(architecture.arrows())
    for (name, (a, b)), (other, (c, d)) in combinations(arrows.items(), 2):
        assert not _cross(a, b, c, d), f"{name} and {other} cross"
    for (start, end), (a, b) in arrows.items():
        assert (
            a[1] == boxes[start][3]
            and b[1] == boxes[end][1]
            and boxes[start][0] < a[0] < boxes[start][2]
            and boxes[end][0] < b[0] < boxes[end][2]
        )
        for name, (left, top, right, bottom) in boxes.items():
            corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
            if name not in (start, end):
                assert not any(_cross(a, b, *side) for side in zip(corners, corners[1:] + corners[:1])), (
                    f"{start} -> {end} passes through {name}"
                )
    for (left, top, right, bottom), (x, y, right_2, bottom_2) in combinations(boxes.values(), 2):
        assert right <= x or right_2 <= left or bottom <= y or bottom_2 <= top


def _cross(a, b, c, d) -> bool:
    """Whether two closed segments have a point in common."""

    def turn(p, q, r):
        return (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])

    if (
        max(a[0], b[0]) < min(c[0], d[0])
        or max(c[0], d[0]) < min(a[0], b[0])
        or max(a[1], b[1]) < min(c[1], d[1])
        or max(c[1], d[1]) < min(a[1], b[1])
    ):
        return False
    return turn(a, b, c) * turn(a, b, d) <= 0 and turn(c, d, a) * turn(c, d, b) <= 0


def test_the_picture_can_be_read_on_a_phone():
    width = float(DRAWING.get("viewBox").split()[2])
    sizes = [float(text.get("font-size")) for text in DRAWING.iter(f"{SVG}text")]
    assert width <= 400 and min(sizes) >= 11 and DRAWING.find(f"{SVG}title").text == architecture.ABOUT


def test_every_module_with_registered_layers_is_registered():
    from lstmcs.registration import MODULES

    registering = {name for name, path in FILES.items() if "register_keras_serializable" in path.read_text(encoding="utf-8")}
    assert registering == {f"lstmcs.{name}" for name in MODULES}
    assert not any(registering & IMPORTS[name] for name in registering)
