"""The explorer of 02_cell: its parts by themselves, and all of it in JupyterLab, driven by a headless Chromium."""

import asyncio
import html
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import chromium
import nbformat
import pytest
from made_up import records_of
from papermill.iorw import load_notebook_node
from papermill.parameterize import parameterize_notebook

from lstmcs import explorer, stats
from lstmcs.models import dynamics
from lstmcs.study.plan import Settings, plan

NEWS = "@jupyterlab/apputils-extension:announcements"  # it asks a question that lies over what is to be pressed
NOTEBOOKS = Path(__file__).parent.parent / "notebooks"


def until(what, seconds=60):
    """The first true answer of `what`."""
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, f"not within {seconds} seconds: {what}"
        time.sleep(0.2)
    return found


# in JupyterLab


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """02_cell open in JupyterLab, of the smallest size, in a folder of its own: a browser in which all its cells run."""
    browser, folder = chromium.start(), tmp_path_factory.mktemp("lab")
    notebook = parameterize_notebook(load_notebook_node(str(NOTEBOOKS / "02_cell.ipynb")), {"preset": "smoke", "workers": 0})
    nbformat.write(notebook, folder / "02_cell.ipynb")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address, token = f"http://127.0.0.1:{port}", secrets.token_hex(16)
    (folder / "config" / "labconfig").mkdir(parents=True)
    (folder / "config" / "labconfig" / "page_config.json").write_text(json.dumps({"disabledExtensions": {NEWS: True}}))
    own = {f"JUPYTER_{name}_DIR": str(folder / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}", "--ServerApp.port_retries=0",
         f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={folder}", "--expose-app-in-browser",
         "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"],
        env=os.environ | own | {"LSTMCS_HOME": str(folder)}, cwd=folder, stdout=(folder / "log").open("w"), stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        until(lambda: answers(f"{address}/api/status?token={token}"))
        size = {"width": 1280, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        browser.get(f"{address}/lab/tree/02_cell.ipynb?token={token}")
        until(lambda: browser.execute_script("return !!document.querySelector('.jp-NotebookPanel .jp-Cell')"))
        until(
            lambda: browser.execute_script(
                "return [...document.querySelectorAll('.jp-StatusBar-TextItem')].some((e) => e.textContent.includes('| Idle'))"
            )
        )
        browser.execute_script("window.jupyterapp.commands.execute('notebook:run-all-cells')")
        until(lambda: browser.execute_script("return !!document.querySelector('.widget-text input')"))
        yield browser
    finally:
        urllib.request.urlopen(urllib.request.Request(f"{address}/api/shutdown?token={token}", method="POST"), timeout=10)  # kernels too
        server.wait(30)
        browser.quit()


def answers(address):
    try:
        return urllib.request.urlopen(address, timeout=5).status == 200
    except OSError:
        return False


SHOWN = "return [...document.querySelectorAll('.jp-OutputArea .widget-html-content')].map((e) => e.innerHTML)"


def told(browser, number):
    """One of the explorer's places: 0 what is said of the formula, 1 the pictures, 2 how far a training is, 3 what came out."""
    return browser.execute_script(SHOWN)[number]


def text(browser, number):
    return html.unescape(re.sub("<[^>]+>", "", told(browser, number)))


def write(browser, formula):
    box = browser.find_element("css selector", ".widget-text input")
    browser.execute_script("arguments[0].scrollIntoView({block: 'start'})", box)
    box.clear()
    box.send_keys(formula)


def test_a_formula_is_answered_as_it_is_typed_and_trained_at_a_press(lab):
    until(lambda: told(lab, 1))
    before = told(lab, 1)
    write(lab, "c = 0.9 * q")
    until(lambda: "unknown name" in text(lab, 0))
    assert text(lab, 0) == "in formula 'c = 0.9 * q': unknown name 'q'; names are i, f, o, g, c, h, c_prev, h_prev"
    press = next(button for button in lab.find_elements("css selector", ".widget-button") if button.text.startswith("Train"))
    assert not press.is_enabled()
    write(lab, "c = 0.25 * c")
    until(lambda: "alters the current state c" in text(lab, 0) and "c = 0.25 * c -0.75 at -3, 0.75 at 3" in told(lab, 1))
    assert told(lab, 1) != before and "<math" in told(lab, 0) and press.is_enabled()
    lab.execute_script("arguments[0].scrollIntoView({block: 'center'})", press)
    press.click()
    until(lambda: "over 2 folds c = 0.25 * c is" in text(lab, 3), 240)
    assert re.match(r"(Better|Same|Worse|Undecided): over 2 folds .* points of Macro F1 (above|below) the unaltered cell", text(lab, 3))
    until(lambda: text(lab, 2) == "4 of 4 folds on record: 0 read from there, 4 trained now.")
    assert len(re.findall("<figure", told(lab, 3))) == 2
    wrong = lab.execute_script(
        "return [...document.querySelectorAll('.jp-OutputArea-output[data-mime-type*=error]')].map((e) => e.innerText)"
    )
    assert wrong == []


# its parts


@pytest.fixture
def small(home):
    return explorer.Explorer(Settings(preset="smoke", workers=0))


def test_the_pictures_follow_the_formula_the_gates_and_the_boxes(small):
    """Outside a kernel at once. With o at 0.5 c * o is 1.5 at c = 3, with o at 1 it is 3; H-2 is o tanh(c) sigmoid(c)."""
    assert "C-1 -1.5 at -3, 1.5 at 3" in small.pictures.value and "H-2 -0.024 at -3, 0.47 at 3" in small.pictures.value
    small.gates["o"].value = 1
    assert "C-1 -3 at -3, 3 at 3" in small.pictures.value
    small.boxes["H-2"].value = False
    assert "H-2" not in small.pictures.value
    small.formula.value = "h = 0.5 * h"
    assert "h = 0.5 * h -0.5 at -3, 0.5 at 3" in small.pictures.value and "C-1 -3" in small.pictures.value
    d = dynamics.over_steps("h = 0.5 * h")
    assert f"h = 0.5 * h {d.gradient[19]:.2g} after 20 steps, {d.gradient[-1]:.2g} after 100" in small.pictures.value
    small.formula.value = "o = 0.5"  # a whole step: c_prev 3 gives c 0.5 * 3 + 0.5 * tanh(3)
    assert "o = 0.5 -0.48 at -2, 0.48 at 2" in small.pictures.value and "alters gates, not the states" in small.told.value
    small.formula.value = "C-1+H-2"
    assert "C-1+H-2 -3 at -3, 3 at 3" in small.pictures.value and "alters both states" in small.told.value
    pictures = small.pictures.value
    for wrong in ("h = 0.5 * ", "", "C-13", "x = c", "o = o * c", "c = c; o = o", "pairs", "none"):
        small.formula.value = wrong
        assert small.train.disabled and "\n" not in small.told.value
    assert "unaltered" in small.told.value and "h = 0.5" not in small.pictures.value and pictures
    assert not small.trial


def test_a_training_that_is_on_record_is_read_and_said_so(small, home):
    small.formula.value = "C-1"
    records_of(plan(small.asked()))
    asyncio.run(small.follow())
    assert (
        "4 of 4 folds on record: 4 read from there, 0 trained now." in small.status.value and "over 2 folds C-1 is" in small.outcome.value
    )
    table = stats.verdicts(plan(small.asked()).results())
    assert f"{abs(table.loc['C-1', 'mean']):.2f} points" in small.outcome.value and not small.train.disabled


def test_a_data_set_that_cannot_be_read_is_a_line(small):
    small.dataset.options = (*small.dataset.options, "no.csv")
    small.dataset.value, small.formula.value = "no.csv", "C-1"
    asyncio.run(small.follow())
    assert "DataError: " in small.status.value and "no such file" in small.status.value and small.stop.disabled


@pytest.mark.parametrize("handler", [signal.default_int_handler, signal.SIG_IGN], ids=["in front", "in the background"])
def test_a_training_stops_and_leaves_nothing_behind(home, handler):
    """Also where JupyterLab was started with & or nohup: a shell lets such processes, and so their children, ignore Ctrl-C."""
    trial, before = (
        explorer.Trial(Settings(alterations=["C-1"], reseeds=0, workers=0, models=["lstm"])),
        signal.signal(signal.SIGINT, handler),
    )
    try:
        trial.start()
    finally:
        signal.signal(signal.SIGINT, before)
    until(lambda: any("to train" in line for line in trial.lines))
    assert trial.running
    trial.stop()
    until(lambda: not trial.running)
    assert not trial.failed and trial.done() < 20


def test_a_training_that_cannot_go_on_says_why(home):
    trial = explorer.Trial(Settings(preset="smoke", workers=0))
    (home / "data").write_text("a file where the folder of records should be")
    trial.start()
    until(lambda: not trial.running)
    assert trial.failed
    until(lambda: any("SettingsError" in line for line in trial.lines))


def test_where_nobody_sits_there_are_pictures_and_no_widget(home, monkeypatch):
    shown = []
    monkeypatch.setattr(explorer, "display", shown.append)
    assert not explorer.live()
    explorer.explore(Settings(preset="smoke"))
    assert len(shown) == 3 and all("<figure" in piece.data and "C-1" in piece.data for piece in shown[1:])


def test_a_live_curve_has_a_panel_a_score_and_says_where_it_is(monkeypatch):
    placed = []
    monkeypatch.setattr(explorer, "display", lambda shown, display_id: SimpleNamespace(update=placed.append))
    curve = explorer.LiveCurve(3)
    for epoch, loss in enumerate((0.9, 0.5, 0.25)):
        curve(epoch, {"loss": loss, "val_loss": 2 * loss, "macro_f1": 0.1, "val_macro_f1": 0.3})
    curve.draw()
    assert 2 <= len(placed) <= 4 and "After 3 epochs, on validation: loss 0.500, macro f1 0.300." in placed[-1].data
    assert placed[-1].data.count("<svg") == 2
