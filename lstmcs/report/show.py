"""HTML pieces of notebooks and reports: tables, figures, formulas, the answer, all text escaped.

The same piece is shown in JupyterLab and in the rendered report, and needs nothing from a network.
"""

import hashlib
import html
import io
import re
import textwrap
import warnings
from functools import lru_cache
from itertools import count
from xml.etree import ElementTree

import pandas as pd
from IPython.display import HTML
from latex2mathml.converter import convert
from matplotlib import pyplot, rc_context
from matplotlib.figure import Figure

from ..metrics import METRICS
from . import formulas, plots

MATHML = "{http://www.w3.org/1998/Math/MathML}m"  # the start of every tag of it: math, mi, mo, mrow, ...
PROSE = ("claim", "paper", "ours", "says", "shows", "model", "against", "best", "higher", "lower")  # columns of our own words
_DRAWN = count(1)
LONG = 30  # characters from which a column of words is given room


def table(
    frame: pd.DataFrame, caption: str, decimals: int = 2, index: bool = True, latex: tuple[str, ...] = (), infinite: str = "∞"
) -> HTML:
    """A frame as a table: numbers right, words left, floats with `decimals` places, missing values as a dash; all escaped.

    latex: columns whose texts are formulas. MathJax, which JupyterLab runs over every output, is told to leave the table
    alone: a "$" in a cell is a dollar. infinite: what stands for a value that is. An id has its formula beside it.
    """
    frame = frame.rename_axis(index=frame.index.name or "alteration").reset_index() if index else frame
    seen = set()

    def text(value, column):
        if value is None or value is pd.NA or value != value:
            return "–"
        if column in latex:
            return math(value) if value else "–"
        if value == float("inf"):
            return infinite
        if isinstance(value, float):
            return f"{value:.{decimals}f}"
        if formulas.plain(str(value)) and heading(column) == "alteration":
            whole = f'<span style="white-space:nowrap">{value}</span>' if "+" in value else value  # "C-1+H-2" is one word
            return f'{whole}<span class="formula"> {math(formulas.latex(value))}</span>'
        return with_formulas(value, seen) if column in PROSE else html.escape(str(value))

    kinds = [_kind(frame[column]) for column in frame]
    roles = [' role="rowheader"' * (number == 0 and kind != "") for number, kind in enumerate(kinds)]  # read out with each cell of the row
    head = "".join(f'<th scope="col"{kind}>{html.escape(heading(column))}</th>' for column, kind in zip(frame, kinds))
    rows = (
        "".join(f"<td{role}{kind}>{text(value, column)}</td>" for value, role, kind, column in zip(row, roles, kinds, frame))
        for row in frame.itertuples(index=False)
    )
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    many = ' class="many"' if len(kinds) > 12 else ""  # printed smaller
    caption = html.escape(caption, quote=True)
    # a box that scrolls is reached by the keyboard too, so it has a name
    return HTML(
        f'<figure class="table tex2jax_ignore mathjax_ignore"><figcaption>{caption}</figcaption>'
        f'<div class="scroll" tabindex="0" role="region" aria-label="{caption}">'
        f"<table{many}><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div></figure>"
    )


def _kind(column: pd.Series) -> str:
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        return ""
    long = max((len(str(value)) for value in column), default=0) > LONG
    return f' class="text{" long" * long}" style="text-align:left"'  # the style is for JupyterLab, which has its own


def heading(column) -> str:
    """A column's name for readers: "macro_f1" is "Macro F1", "train_seconds" is "train seconds"."""
    return METRICS.get(column) or {"row": "alteration"}.get(column) or str(column).replace("_", " ")


def figure(picture: plots.Picture | Figure, caption: str, alt: str = "") -> HTML:
    """A picture as inline SVG, its panels beside each other as far as there is room; every text in it is text.

    alt states what the picture shows, for a reader who cannot see it: the picture's own words unless others are given. A panel has its
    own, so that each is read out where it stands. A plain matplotlib figure is one panel.
    """
    if isinstance(picture, Figure):
        picture.set_label(alt)
        picture = plots.Picture((picture,), alt)
    alt, panels = alt or picture.alt, picture.panels
    drawn = "".join(svg(panel, panel.get_label() if len(panels) > 1 else alt) for panel in panels)
    group = f' role="group" aria-label="{html.escape(alt, quote=True)}"' * (len(panels) > 1)
    # the style is for JupyterLab, which may be dark and has no style of ours
    return HTML(
        f'<figure class="picture"{group}><div class="panels" style="display:flex;flex-wrap:wrap;gap:.8rem">{drawn}</div>'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
    )


def _two_decimals(number: re.Match) -> str:
    return f"{float(number[0]):.2f}".rstrip("0").rstrip(".")


def svg(fig: Figure, title: str) -> str:
    """A matplotlib figure as a piece of SVG with a title. Sizes are in points, figures have at most two decimals."""
    buffer = io.StringIO()
    with rc_context(plots.STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # the reader's own fonts draw the text
        fig.savefig(buffer, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    pyplot.close(fig)  # if it is one of its own, a notebook would show it once more
    text = buffer.getvalue()
    text = re.sub(
        r"<!--.*?-->|<metadata>.*?</metadata>|\n\s*", lambda found: " " * found[0].startswith("\n"), text[text.index("<svg") :], flags=re.S
    )
    head, body = re.match(r"<svg.*?>", text)[0], text[text.index(">") + 1 :]
    left, top, width, height = re.search(r'viewBox="([^"]+)"', head)[1].split()
    mark = f"p{next(_DRAWN)}-{hashlib.sha256(body.encode()).hexdigest()[:6]}"  # no two pictures of a page share a name
    used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', body))
    body = re.sub(r' id="([^"]+)"', lambda found: f' id="{mark}-{found[1]}"' if found[1] in used else "", body)
    body = re.sub(r'(url\(#|href="#)', rf"\g<1>{mark}-", body)
    body = re.sub(r"font(-size)?: ([\d.]+px)(; font-family:)? [^;\"]*", r"font-size: \2", body)
    body = re.sub(r' transform="rotate\(-0 [^"]*"', "", body)
    body = re.sub(r"<[^>]+>", lambda tag: re.sub(r"-?\d+\.\d{3,}", _two_decimals, tag[0]), body)  # of what is drawn, not of what is said
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="{left} {top} {width} {height}" '
        f'width="{float(width) * 4 / 3:.0f}" height="{float(height) * 4 / 3:.0f}" role="graphics-document document" '
        f'aria-labelledby="{mark}" style="background:#fff" font-family="sans-serif"><title id="{mark}">{html.escape(title)}</title>{body.strip()}'
    )


@lru_cache(maxsize=1024)
def math(latex: str, block: bool = False) -> str:
    """LaTeX as MathML, which browsers draw by themselves; what cannot be read is shown as it is."""
    try:
        text = convert(latex, display="block" if block else "inline")
        tags = {node.tag for node in ElementTree.fromstring(text).iter()}  # well formed, and nothing but MathML
    except Exception:  # the converter has no one error for what it does not know
        tags = {None}
    known = all(str(tag).startswith(MATHML) for tag in tags)
    return (
        text.replace(' xmlns="http://www.w3.org/1998/Math/MathML" display="inline"', "") if known else f"<code>{html.escape(latex)}</code>"
    )


def with_formulas(text: str, seen: set[str] | None = None) -> str:
    """Escaped text with the formula behind each id where it is first named: "C-1 (c ∘ o)". seen: those that were."""
    seen = set() if seen is None else seen

    def first(found) -> str:
        cell = found[0]
        if cell in seen:
            return cell
        seen.add(cell)
        return f'<span class="cell">{cell} ({math(formulas.latex(cell))})</span>'

    return formulas.ID.sub(first, html.escape(str(text)))


def notes(lines, title: str = "Notes") -> HTML:
    """Sentences as a list; nothing for none."""
    seen = set()
    items = "".join(f"<li>{with_formulas(line, seen)}</li>" for line in lines)
    return HTML(f"<p><strong>{html.escape(title)}</strong></p><ul>{items}</ul>" if items else "")


def code(text: str) -> HTML:
    """Source code as it is."""
    return HTML(f'<pre class="code" tabindex="0">{html.escape(textwrap.dedent(text).strip())}</pre>')


def answer(text: str) -> HTML:
    """The box that holds a report's answer."""
    style = "border-left:4px solid #1f77b4;padding:.2rem .8rem"  # for JupyterLab; in a page all answers share one box
    return HTML(f'<p class="answer" style="{style}">{with_formulas(text)}</p>')


def in_short(sentence: str, counts: dict[str, int]) -> HTML:
    """The answer for everybody: a sentence, and the counts behind it."""
    items = "".join(f"<li><b>{count}</b> {html.escape(word)}</li>" for word, count in counts.items())
    return HTML(f'<p class="short">{html.escape(sentence)}</p>' + (f'<ul class="counts">{items}</ul>' if items else ""))
