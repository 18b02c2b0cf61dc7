"""The picture in the README against the imports, read here in another way than the picture's own script reads them."""

import re
from itertools import product
from xml.etree import ElementTree

import architecture
import pytest

DRAWING = ElementTree.parse(architecture.TARGET).getroot()
SVG = "{http://www.w3.org/2000/svg}"


def closure(pairs):
    found = set(pairs)
    while more := {(a, d) for (a, b), (c, d) in product(found, found) if b == c} - found:
        found |= more
    return found


def test_an_arrow_is_an_import_and_every_import_has_its_way():
    box_of = {module: box for box, (*_, modules) in architecture.BOXES.items() for module in modules}
    real = set()
    for path in (architecture.ROOT / "lstmcs").glob("*.py"):
        for line in path.read_text(encoding="utf-8").splitlines():
            if (match := re.match(r"\s*from \.(\w*) import (.+)", line)) and path.stem != "__init__":
                for name in [match[1]] if match[1] else re.findall(r"\w+", match[2].split(" as ")[0]):
                    if name in box_of and box_of[name] != box_of[path.stem]:
                        real.add((box_of[path.stem], box_of[name]))
    drawn = {(p.get("data-from"), p.get("data-to")) for p in DRAWING.iter(f"{SVG}path") if p.get("data-from")}
    within = {pair for pair in drawn if pair[0] != "notebooks"}
    assert within <= real and closure(within) == closure(real)
    assert all(a != b and (b, a) not in closure(drawn) for a, b in drawn)


def test_every_module_is_in_the_picture_once():
    shown = [name for span in DRAWING.iter(f"{SVG}tspan") for name in re.findall(r"\w+", span.text)]
    modules = {path.stem for path in (architecture.ROOT / "lstmcs").glob("*.py")} - {"__init__"}
    assert modules <= set(shown) and all(shown.count(name) == 1 for name in modules)


def test_the_picture_is_the_one_its_script_draws():
    assert architecture.TARGET.read_text(encoding="utf-8") == architecture.svg(), "run python tests/architecture.py"


def test_a_module_without_a_box_and_a_circle_are_errors(monkeypatch):
    monkeypatch.setattr(architecture, "imports", lambda: {"stray": set()})
    with pytest.raises(ValueError, match=r"no box .* for stray"):
        architecture.arrows()
    monkeypatch.setattr(architecture, "imports", lambda: {"metrics": {"paths"}, "paths": {"metrics"}})
    with pytest.raises(ValueError, match="circle"):
        architecture.arrows()
