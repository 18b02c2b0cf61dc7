"""Pages as a reader meets them: complete, partial and failed ones, full-size tables, hostile text; first as files, then in a browser.

One set of pages is made for the whole file, from made-up records (nothing is trained), with the working folder elsewhere.
The browser is headless Chromium with its chromedriver (Debian: chromium, chromium-driver); without them these tests are skipped.
"""

import base64
import html.parser
import json
import re
import shlex
import shutil
import subprocess
import time
from itertools import pairwise
from types import SimpleNamespace
from urllib.parse import unquote
from xml.etree import ElementTree

import chromium
import nbformat
import pandas as pd
import pytest
from made_up import records_of

from lstmcs.__main__ import _parser, _settings, main
from lstmcs.report import formulas, pages, run, show
from lstmcs.study.plan import Settings, plan

HOSTILE = "<script>alert(1)</script>"
WIDTHS, SCHEMES = (360, 1280), ("light", "dark")
PRINTED = round(186 / 25.4 * 96)  # CSS pixels between the margins of A4


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The reports folder with: complete pages of all 18 cells, a study without a record, a failed page, one of hostile text."""
    home, elsewhere = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("elsewhere")
    kernels = elsewhere / "kernels" / "python3"
    kernels.mkdir(parents=True)
    (kernels / "kernel.json").write_text('{"argv": ["no-such-python"], "display_name": "Python 3", "language": "python"}')
    own = "<i>own<i>.csv?text=text&label=label"
    rows = [
        f'"{HOSTILE} word{k % 3} {"long" * 30} $x^2$ \\LaTeX <img src=x onerror=alert(2)>",{"<b>a</b>" if k % 2 else "b$"}'
        for k in range(20)
    ]
    (elsewhere / "<i>own<i>.csv").write_text("\n".join(["text,label", *rows]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LSTMCS_HOME", str(home))
        patch.setenv("JUPYTER_PATH", str(elsewhere))  # a broken kernel of the usual name
        patch.setenv("JUPYTER_PREFER_ENV_PATH", "0")
        for name in ("TF_CPP_MIN_LOG_LEVEL", "TF_ENABLE_ONEDNN_OPTS"):
            patch.delenv(name, raising=False)
        patch.chdir(elsewhere)
        whole = Settings(preset="quick")
        records_of(plan(whole))
        assert main(["report", "--preset", "quick"]) == 0
        folder = run.environment.reports_dir()
        hostile = Settings(preset="smoke", datasets=(own,), alterations=(f"c = c * 0.5  # {HOSTILE}",), records_dir=HOSTILE)
        assert run._page("01_data", run.notebooks()["01_data"], hostile, folder, print) == "complete"
        assert (
            run._page("03_alterations", run.notebooks()["03_alterations"], Settings(preset="smoke", train=False), folder, print)
            == "partial"
        )
        assert run._page("04_summary", run.notebooks()["04_summary"], Settings(preset="smoke", train=False), folder, print) == "partial"
        broken = nbformat.read(run.environment.shared("notebooks", "03_alterations.ipynb"), 4)
        broken.cells[-1].source = "raise RuntimeError('<b>boom</b>')"
        nbformat.write(broken, elsewhere / "03_alterations.ipynb")
        real = run.environment.shared
        patch.setattr(
            run.environment, "shared", lambda *parts: elsewhere / parts[-1] if parts[-1] == "03_alterations.ipynb" else real(*parts)
        )
        assert (
            run._page("03_alterations", run.notebooks()["03_alterations"], Settings(preset="standard", train=False), folder, print)
            == "failed"
        )
        patch.setattr(run.environment, "shared", real)
        run.index(folder)
        yield folder


@pytest.fixture
def files(site):
    return sorted(site.glob("*.html"))


class Page(html.parser.HTMLParser):
    """Scripts, links, ids, images, headings, tables' captions and visible text of a page."""

    def __init__(self, path):
        super().__init__()
        self.path, self.scripts, self.handlers, self.links, self.ids, self.text = path, [], [], [], set(), []
        self._in_script = False
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.handlers += [name for name in values if name.startswith("on")]
        self.ids.add(values.get("id"))
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag == "script":
            self._in_script = True
            self.scripts.append("")

    def handle_endtag(self, tag):
        self._in_script = self._in_script and tag != "script"

    def handle_data(self, data):
        if self._in_script:
            self.scripts[-1] += data
        else:
            self.text.append(data)


def test_a_page_has_one_script_which_its_policy_names_and_hostile_text_stays_text(site, files):
    ours = (pages._TEMPLATES / "page.js").read_text()
    assert len(files) == 11
    for path in files:
        text, page = path.read_text(encoding="utf-8"), Page(path)
        assert page.scripts == [ours] and not page.handlers, path.name
        assert "default-src 'none'" in text and not re.search(r"(src|href)=\"(https?:)?//", text)
        assert (
            HOSTILE not in text and "<b>a</b>" not in text and "<i>own" not in text and "<b>boom" not in text and "<img src=x" not in text
        )
        assert path.stat().st_size < 3_000_000
    own = next(site.glob("01_data--*own*.html"))
    assert HOSTILE in " ".join(Page(own).text) and "<i>own<i>" in " ".join(Page(site / "index.html").text)


def test_links_lead_somewhere(site, files):
    for path in files:
        page = Page(path)
        assert page.links
        for link in page.links:
            name, _, anchor = link.partition("#")
            target = site / unquote(name) if name else path
            assert target.is_file(), (path.name, link)
            assert not anchor or anchor in Page(target).ids, (path.name, link)


def test_a_page_goes_title_question_answer_contents_and_says_how_to_make_it_again(site, files):
    for path in files:
        if path.name == "index.html":
            continue
        text = path.read_text(encoding="utf-8")
        marks = [text.index(mark) for mark in ("<h1", 'class="question"', '<section class="answer">', 'class="contents"', "<footer>")]
        assert marks == sorted(marks), path.name
        about = pages.about_of(site / "notebooks" / f"{path.stem}.ipynb")
        line = html.unescape(re.search(r'<code class="again">(.*?)</code>', text, re.S)[1])
        again = _settings(_parser().parse_args(shlex.split(line)[3:])).parameters()
        assert again | {"train": None} == about["parameters"] | {"train": None}, line
        assert about["env"]["python"] in text and about["env"]["keras"] in text


def test_failed_and_partial_pages_say_so_at_the_top_and_in_the_index(site):
    index = (site / "index.html").read_text()
    for name, state, why in (
        ("03_alterations--robo--standard", "failed", "RuntimeError: &lt;b&gt;boom"),
        ("03_alterations--robo--smoke", "partial", "0 of 6 planned folds are on record"),
    ):
        text = (site / f"{name}.html").read_text()
        assert text.index(f"<strong>{state}</strong>") < text.index('<section class="answer">') and why in text
        row = next(row for row in index.split("<tr>") if f"{name}.html" in row)
        assert f'<span class="state {state}">' in row
    assert '<span class="state failed">failed</span>' in index[: index.index('id="reports"')]  # the study is as bad as its worst page


def test_the_index_takes_answer_and_picture_from_the_fullest_summary(site):
    text = (site / "index.html").read_text()
    summary = html.unescape((site / "04_summary--robo--quick.html").read_text())
    answer = re.search(r'<p class="short">(.*?)</p><ul class="counts">(.*?)</ul>', text)
    assert answer[0] in summary and answer[1].count(".") == 1 and "17 comparisons" in answer[1]
    counts = [int(number) for number in re.findall(r"<b>(\d+)</b>", answer[2])]
    assert len(counts) == 3 and sum(counts) == 17
    folded = text[text.index('<details class="evidence">') : text.index("</details>")]
    assert "robo (a stand-in)" in folded and "17 comparisons" in folded and "<details class" not in summary
    front = text[: text.index('id="state"')]  # what else shows the same study, and of another study nothing
    assert 'href="06_claims--robo--quick.html">What we found against what the paper says</a>' in front and "--smoke.html" not in front
    words = [re.findall(r"<title[^>]*>(.*?)</title>|<text[^>]*>(.*?)</text>", part) for part in re.findall(r"<svg.*?</svg>", text, re.S)]
    assert len(words) == 1 and "of 17 intervals of alterations lie above 0" in words[0][0][0]
    assert all(word in summary for pair in words[0] for word in pair)
    assert summary.index("<svg") < summary.index('id="the-evidence"')  # a picture precedes the paragraphs
    assert "210 of 210 planned folds are on record, 0 failed" in text and "Preset quick, 1 run x 10 folds" in text
    assert (
        "preset quick · 1 run x 10 folds · 210 of 210" in summary
        and "run x" not in (site / "01_data--robo.html").read_text().split("commit")[0]
    )
    row = next(row for row in text.split("<tr>")[1:] if 'href="03_alterations--robo--quick.html"' in row)
    about = pages.about_of(site / "notebooks" / "03_alterations--robo--quick.ipynb")
    for piece in (about["made"], about["env"]["commit"] or "unknown", "robo", "quick", str(about["seconds"]), "210 of 210"):
        assert piece in row
    assert "notebooks/03_alterations--robo--quick.ipynb" in row and "tables/03_alterations--robo--quick.csv" in row


def test_a_folders_notice_stands_at_the_top_of_its_pages_and_of_its_index(site, tmp_path):
    """Written by us, so it may hold links; a folder without one has no empty banner."""
    shutil.copytree(site / "notebooks", tmp_path / "notebooks")
    executed = tmp_path / "notebooks" / "04_summary--robo--smoke.ipynb"  # a partial one: its state is said too
    assert "banner notice" not in pages.render(executed) + pages.index(tmp_path).read_text()
    (tmp_path / "notice.html").write_text('<strong>Mended</strong> in <a href="other.html">the other</a>.\n')
    for text, marks in (
        (pages.render(executed), ("<h1", "banner partial", "banner notice", 'class="question"', 'class="answer"')),
        (pages.index(tmp_path).read_text(), ("<h1", "banner notice", 'class="question"', 'class="answer"')),
    ):
        assert text.count('<p class="banner notice"><strong>Mended</strong> in <a href="other.html">the other</a>.</p>') == 1
        found = [text.index(mark) for mark in marks]
        assert found == sorted(found)


def test_no_two_pages_share_a_title_and_one_of_one_set_names_it(site, files):
    titles = {path.name: re.search(r"<title>(.*?)</title>", path.read_text(encoding="utf-8"))[1] for path in files}
    assert len(set(titles.values())) == len(titles)
    text = (site / "03_alterations--robo--quick.html").read_text(encoding="utf-8")
    assert '<h1 id="the-alterations-on-one-data-set">The alterations on one data set: robo</h1>' in text


def words(markup):
    return html.unescape(re.sub("<[^>]+>", "", markup))


def test_an_id_has_its_formula_beside_it_and_no_column_is_called_row(site):
    for name in ("03_alterations--robo--quick", "04_summary--robo--quick"):
        text = (site / f"{name}.html").read_text(encoding="utf-8")
        heads = re.findall(r"<th [^>]*>(.*?)</th>", text)
        assert "alteration" in heads and "row" not in heads
        cells = re.findall(r"<td [^>]*>([CH]-\d+)<span class=.formula.>(.*?)</td>", text)
        assert len(cells) > 30 and all(words(found).strip() == words(show.math(formulas.latex(cell))) for cell, found in cells)
    # in sentences where it is first named
    answer = html.unescape((site / "04_summary--robo--quick.html").read_text(encoding="utf-8"))
    assert f'raises F1 (<span class="cell">C-1 ({html.unescape(show.math(formulas.latex("C-1")))})</span> by 0.5 %' in answer


@pytest.mark.parametrize("sets, alt", [(["a"], "intervals"), (["a", "b"], "intervals"), (["a", "b", "c"], "map")])
def test_the_picture_of_the_index_depends_on_how_many_sets_there_are(tmp_path, sets, alt):
    def cell(tag, text):
        data = {"text/html": text}
        return nbformat.v4.new_code_cell("", metadata={"tags": [tag]}, outputs=[nbformat.v4.new_output("display_data", data)])

    cells = [cell("answer", "<p>yes</p>"), cell("picture", "map"), cell("picture", "intervals")]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"lstmcs": {"parameters": {"datasets": sets}}})
    nbformat.write(notebook, tmp_path / "a.ipynb")
    assert pages._front(tmp_path / "a.ipynb") == {"answer": "<p>yes</p>", "picture": alt, "evidence": ""}


def test_nothing_is_printed_that_is_not_for_the_reader(site):
    for path in (site / "notebooks").glob("*.ipynb"):
        for cell in nbformat.read(path, 4).cells:
            printed = [o["text"] for o in cell.get("outputs", []) if o.output_type == "stream"]
            assert not printed or "progress" in cell.metadata.tags, (path.name, printed)


@pytest.mark.parametrize(
    "words",
    [["--datasets", "a b.csv|"], ["--alterations", "c = 0.9 * c"], ["--alterations", "none", "c = c * o; h = h * o"], ["--padding", "mask"],
     ["--records-dir", "my records", "--runs", "2", "--folds", "3", "--seed", "7", "--reseeds", "0", "--workers", "0"]],
)  # fmt: skip
def test_the_command_of_a_page_gives_its_settings_again(words):
    settings = _settings(_parser().parse_args(["study", *words]))
    again = _settings(_parser().parse_args(shlex.split(pages.command(settings.parameters()))[3:]))
    assert again == settings


def test_a_rows_first_word_is_read_out_with_its_numbers():
    table = show.table(pd.DataFrame({"cell": ["C-1", "H-2"], "note": ["a", "b"], "points": [1.0, 2.0]}), "made up", index=False).data
    assert table.count('role="rowheader"') == 2 and '<td role="rowheader" class="text"' in table
    assert "rowheader" not in show.table(pd.DataFrame({"points": [1.0]}), "made up", index=False).data


def test_formulas_are_mathml_and_nothing_else():
    assert "<msub><mi>c</mi><mi>t</mi></msub>" in show.math(r"c_t = c_t \circ \sigma(o_t)")
    for text in (r"\text{<script>alert(1)</script>}", "a & b", r"\frac{", "<b>x</b>"):
        assert "<script" not in show.math(text) and "<b>" not in show.math(text)


# in a browser


@pytest.fixture(scope="module")
def browser():
    started = chromium.start()
    yield started
    started.quit()


def look(browser, path, width, scheme="light", media=""):
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": features})
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get(path.as_uri())


CONTRAST = """
const rgb = (text) => { const n = text.match(/[\\d.]+/g).map(Number); return n.length < 4 ? [...n, 1] : n; };
const light = (c) => { const f = (x) => (x /= 255) <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4;
  return 0.2126 * f(c[0]) + 0.7152 * f(c[1]) + 0.0722 * f(c[2]); };
const behind = (e) => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c[3] > 0) return c; }
  return [255, 255, 255, 1]; };
const found = [];
for (const e of document.querySelectorAll("body *")) {
  if (![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) || !e.getClientRects().length) continue;
  const style = getComputedStyle(e), size = parseFloat(style.fontSize), big = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
  const [a, b] = [light(rgb(style.color)), light(behind(e))].sort((x, y) => y - x), ratio = (a + 0.05) / (b + 0.05);
  if (ratio < (big ? 3 : 4.5)) found.push([e.tagName, e.textContent.slice(0, 40), style.color, ratio]);
}
return found;
"""

#: Words of pictures that are drawn with less than 9 pixels, or beyond the edge of their picture by more than a letter.
TYPE = """
return [...document.querySelectorAll("svg text")].filter((e) => {
  const drawing = e.ownerSVGElement.getBoundingClientRect(), box = e.getBoundingClientRect();
  const size = parseFloat(getComputedStyle(e).fontSize) * drawing.width / e.ownerSVGElement.viewBox.baseVal.width;
  return size < 9 || box.left < drawing.left - 4 || box.right > drawing.right + 4 || box.right > innerWidth;
}).map((e) => e.textContent);
"""


def test_pages_fit_a_phone_and_a_screen_in_light_and_dark(site, files, browser):
    for path in files:
        for width in WIDTHS:
            for scheme in SCHEMES:
                where = (path.name, width, scheme)
                look(browser, path, width, scheme)
                browser.execute_script("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
                browser.execute_script("document.querySelectorAll('#code').forEach((d) => { d.checked = true; })")
                assert browser.execute_script("return document.documentElement.scrollWidth") <= width, where
                assert browser.execute_script(TYPE) == [], where
                assert browser.execute_script(CONTRAST) == [], where
                dark = browser.execute_script("return getComputedStyle(document.body).backgroundColor") == "rgb(22, 24, 28)"
                assert dark == (scheme == "dark"), where
        assert browser.get_log("browser") == [], path.name
        sent = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
        asked = {m["params"]["request"]["url"].split("#")[0] for m in sent if m["method"] == "Network.requestWillBeSent"}
        assert all(url == path.as_uri() or url.startswith("data:") for url in asked) and path.as_uri() in asked, asked


def test_the_browser_would_tell_of_a_request_an_error_and_a_strangers_script(browser, tmp_path, site):
    """The test above, broken on purpose: a page that fetches, that fails, that runs a script of another's."""
    page = (site / "index.html").read_text()
    bad = tmp_path / "bad.html"
    bad.write_text(page.replace("</main>", "<script>document.title = 'run'</script><img alt='' src='http://127.0.0.1:9/x.png'></main>"))
    look(browser, bad, 360)
    assert browser.title != "run"
    assert len([entry for entry in browser.get_log("browser") if "Content Security Policy" in entry["message"]]) == 2
    bad.write_text("<p style='width: 999px; color: #999'>wide and faint</p>")
    look(browser, bad, 360)
    assert browser.execute_script("return document.documentElement.scrollWidth") > 360 and len(browser.execute_script(CONTRAST)) == 1


def test_pictures_have_titles_and_text_and_headings_are_in_order(files, browser):
    for path in files:
        look(browser, path, 1280)
        assert not browser.find_elements("css selector", "img")
        for picture in browser.find_elements("css selector", "svg"):
            name = picture.get_attribute("aria-labelledby")
            title = browser.execute_script("return document.getElementById(arguments[0])", name)
            assert title.tag_name == "title" and len(title.get_attribute("textContent")) > 20, path.name
            assert "document" in picture.get_attribute("role") and picture.find_elements("css selector", "text"), path.name
        names = browser.execute_script("return [...document.querySelectorAll('[id]')].map((e) => e.id)")
        assert len(names) == len(set(names)), path.name
        levels = [int(h.tag_name[1]) for h in browser.find_elements("css selector", "h1, h2, h3, h4, h5, h6")]
        assert levels[0] == 1 and levels.count(1) == 1 and all(b - a <= 1 for a, b in pairwise(levels)), path.name
        assert not browser.find_elements("xpath", "//main//p[contains(., '$$')]")
    look(browser, next(p for p in files if p.name == "02_cell.html"), 1280)
    assert len(browser.find_elements("css selector", "math")) >= 20


def test_one_switch_shows_all_code_by_mouse_and_by_keyboard(files, browser):
    keys = pytest.importorskip("selenium.webdriver").Keys
    for path in files:
        look(browser, path, 360)
        pieces = browser.find_elements("css selector", "pre.source")
        if path.name == "index.html":
            assert not pieces and not browser.find_elements("id", "code")
            continue
        assert pieces and not any(code.is_displayed() for code in pieces)
        browser.find_element("css selector", "label[for=code]").click()
        assert all(code.is_displayed() and code.text.strip() for code in pieces), path.name
        browser.find_element("id", "code").send_keys(keys.SPACE)
        assert not any(code.is_displayed() for code in pieces)


def test_a_wide_screen_has_the_contents_beside_the_text_and_the_indexs_picture_beside_its_answer(site, browser):
    look(browser, site / "04_summary--robo--quick.html", 1280)
    text, contents = (browser.find_element("css selector", name).rect for name in ("section.answer", "nav.contents ol"))
    assert contents["x"] >= text["x"] + text["width"] and contents["y"] < text["y"] and contents["x"] > 1280 * 2 / 3
    look(browser, site / "index.html", 1280)
    answer, picture = (browser.find_element("css selector", f".front > {name}").rect for name in ("section", "figure"))
    assert picture["x"] >= answer["x"] + answer["width"] and abs(picture["y"] - answer["y"]) < 40
    look(browser, site / "index.html", 360)
    answer, picture = (browser.find_element("css selector", f".front > {name}").rect for name in ("section", "figure"))
    assert picture["y"] >= answer["y"] + answer["height"]


def test_any_table_is_had_as_csv_and_any_picture_as_a_file(site, browser, tmp_path):
    page = site / "03_alterations--robo--quick.html"
    browser.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    look(browser, page, 1280)
    figures = browser.find_elements("css selector", "figure.table, figure.picture")
    buttons = browser.find_elements("css selector", "button.take")
    assert len(buttons) == len(figures) > 5 and all(len(button.get_attribute("aria-label")) > 30 for button in buttons)
    browser.execute_script(
        "document.querySelectorAll('figure.table th:first-child button').forEach((b) => { b.click(); b.click(); })"
    )  # as the reader has sorted it

    def taken(suffix):
        for _ in range(200):
            if found := list(tmp_path.glob(f"*.{suffix}")):
                return found[0]
            time.sleep(0.05)

    table = next(f for f in figures if "epochs to within a point" in f.text)
    browser.execute_script("arguments[0].click()", table.find_element("css selector", "button.take"))
    frame = pd.read_csv(taken("csv"), dtype=str, keep_default_na=False)
    shown = browser.execute_script(
        "return [...arguments[0].tBodies[0].rows].map((r) => [...r.cells].map((c) => (c.firstChild || c).textContent.trim()))",
        table.find_element("css selector", "table"),
    )
    assert frame.to_numpy().tolist() == shown and frame.columns[0] == "alteration" and "C-1" in set(frame["alteration"])
    picture = next(f for f in figures if f.find_elements("css selector", "svg"))
    browser.execute_script("arguments[0].click()", picture.find_element("css selector", "button.take"))
    drawing = ElementTree.parse(taken("svg")).getroot()
    assert len(drawing.findall("{http://www.w3.org/2000/svg}svg")) == len(picture.find_elements("css selector", "svg"))
    assert browser.get_log("browser") == []


def test_tables_sort_both_ways(files, browser):
    """Against Python's own sort: numbers by value, words as words with numbers in them, a dash and "never" last."""

    missing = ("", "–", "never")

    def number(text):  # "190 of 570" counts as 190
        return (text in missing, 0 if text in missing else float(text.split()[0]))

    def word(text):
        return (text in missing, [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.findall(r"\d+|\D+", text)])

    sorted_ones = 0
    for path in files:
        look(browser, path, 1280)
        for table in browser.find_elements("css selector", "figure.table table"):
            read = "return [...arguments[0].tBodies[0].rows].map((r) => [...r.cells].map((c) => c.textContent.trim()))"
            before = browser.execute_script(read, table)
            for column, head in enumerate(table.find_elements("css selector", "th")):
                words = "text" in head.get_attribute("class")
                if len(before) < 2 or (words and column > 0):  # letter case and punctuation are the browser's affair; numbers are ours
                    continue
                key = word if words else number
                for up in (True, False):
                    browser.execute_script("arguments[0].querySelector('button').click()", head)
                    after = [row[column] for row in browser.execute_script(read, table)]
                    values = [row[column] for row in before]
                    known = sorted((v for v in values if not key(v)[0]), key=key, reverse=not up)
                    assert head.get_attribute("aria-sort") == ("ascending" if up else "descending")
                    if words and not all(re.fullmatch(r"[CH]-\d+", v) for v in values):
                        assert sorted(after) == sorted(values)
                    else:
                        expected = known + [v for v in values if key(v)[0]]
                        assert [key(v) for v in after] == [key(v) for v in expected], (path.name, column)
                        sorted_ones += 1
    assert sorted_ones > 50


def test_paper_has_no_cut_table(files, browser, tmp_path):
    reader = shutil.which("pdftotext")
    for path in files:
        look(browser, path, PRINTED, media="print")
        cut = """return [...document.querySelectorAll("table, svg, pre")].filter((e) => e.getBoundingClientRect().right > innerWidth + 1)
            .map((e) => e.textContent.slice(0, 60))"""
        assert browser.execute_script(cut) == [], path.name
        heads = browser.execute_script("return [...document.querySelectorAll('th')].flatMap((e) => e.innerText.split(/\\s+/))")
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        pdf = tmp_path / f"{path.stem[:40]}.pdf"
        pdf.write_bytes(base64.b64decode(browser.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})["data"]))
        if reader:  # every word of every column's head is on the paper, and every word within it
            words = subprocess.run([reader, "-bbox", pdf, "-"], capture_output=True, text=True, check=True).stdout
            width = float(re.search(r'<page width="([\d.]+)"', words)[1])
            found = re.findall(r'<word xMin="([\d.-]+)" yMin="[\d.-]+" xMax="([\d.]+)" yMax="[\d.]+">(.*?)</word>', words)
            assert found and all(float(left) >= 0 and float(right) <= width for left, right, _ in found), path.name
            printed = {html.unescape(word) for _, _, word in found}
            assert {word for word in heads if word} <= printed, path.name
            if path.name == "06_claims--robo--quick.html":  # the claims take more than a page: their head is repeated
                assert sum(word == "rests" for _, _, word in found) >= 2


def test_scroll_boxes_are_reached_by_the_keyboard_and_named(files, browser):
    for path in files:
        look(browser, path, 360)
        for box in browser.find_elements("css selector", "figure .scroll"):
            assert box.get_attribute("tabindex") == "0" and box.get_attribute("aria-label"), path.name


def test_table_of_pieces():
    """Numbers right, words left, everything escaped: show.table by hand."""
    import pandas as pd

    frame = pd.DataFrame({"macro_f1": [0.5, None], "<b>": ["<i>", "x" * 40], "as": [r"c_t", ""]}, index=["C-1", "C-2"])
    text = show.table(frame, 'a "caption"', latex=("as",)).data
    assert '<th scope="col">Macro F1</th>' in text and "<td>0.50</td>" in text and "<td>–</td>" in text
    assert '<th scope="col" class="text long" style="text-align:left">&lt;b&gt;</th>' in text and "&lt;i&gt;" in text and "<i>" not in text
    assert "<msub>" in text and 'aria-label="a &quot;caption&quot;"' in text


def test_a_title_is_wanted():
    cells = [SimpleNamespace(source="no title", cell_type="markdown", metadata={})]
    with pytest.raises(ValueError, match="begins with a title"):
        pages._arranged(cells, {"notebook": "09_none"})
