"""HTML pieces of notebooks and reports: tables, figures, formulas, the answer, all text escaped.

The same piece is shown in JupyterLab and in the rendered report, and needs nothing from a network.
"""

import base64
import html
import inspect
import io
from xml.etree import ElementTree

import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import HTML
from latex2mathml.converter import convert

from ..metrics import METRICS

DPI = 160  # of the pixels; a figure is shown at 96 to the inch
MATHML = "{http://www.w3.org/1998/Math/MathML}m"  # the start of every tag of it: math, mi, mo, mrow, ...
LONG = 30  # characters from which a column of words is given room


def table(
    frame: pd.DataFrame, caption: str, decimals: int = 2, index: bool = True, latex: tuple[str, ...] = (), infinite: str = "∞"
) -> HTML:
    """A frame as a table: numbers right, words left, floats with `decimals` places, missing values as a dash; all escaped.

    latex: columns whose texts are formulas. MathJax, which JupyterLab runs over every output, is told to leave the table
    alone: a "$" in a cell is a dollar. infinite: what stands for a value that is.
    """
    frame = frame.rename_axis(index=frame.index.name or "row").reset_index() if index else frame

    def text(value, column):
        if value is None or value is pd.NA or value != value:
            return "–"
        if column in latex:
            return math(value) if value else "–"
        if value == float("inf"):
            return infinite
        return f"{value:.{decimals}f}" if isinstance(value, float) else html.escape(str(value))

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
    return METRICS.get(column) or str(column).replace("_", " ")


def figure(fig: plt.Figure, caption: str, alt: str) -> HTML:
    """A figure as an inline PNG. alt states what the picture shows, for a reader who cannot see it."""
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png", dpi=DPI, bbox_inches="tight", facecolor="white")
    plt.close(fig)
    picture = buffer.getvalue()
    width, height = (round(int.from_bytes(picture[at : at + 4], "big") * 96 / DPI) for at in (16, 20))  # PNG, chunk IHDR
    return HTML(
        f'<figure><img alt="{html.escape(alt, quote=True)}" width="{width}" height="{height}" '
        f'src="data:image/png;base64,{base64.b64encode(picture).decode()}">'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
    )


def math(latex: str, block: bool = False) -> str:
    """LaTeX as MathML, which browsers draw by themselves; what cannot be read is shown as it is."""
    try:
        text = convert(latex, display="block" if block else "inline")
        tags = {node.tag for node in ElementTree.fromstring(text).iter()}  # well formed, and nothing but MathML
    except Exception:  # the converter has no one error for what it does not know
        tags = {None}
    return text if all(str(tag).startswith(MATHML) for tag in tags) else f"<code>{html.escape(latex)}</code>"


def notes(lines, title: str = "Notes") -> HTML:
    """Sentences as a list; nothing for none."""
    items = "".join(f"<li>{html.escape(str(line))}</li>" for line in lines)
    return HTML(f"<p><strong>{html.escape(title)}</strong></p><ul>{items}</ul>" if items else "")


def code(text: str) -> HTML:
    """Source code as it is."""
    return HTML(f'<pre class="code" tabindex="0">{html.escape(inspect.cleandoc(text))}</pre>')


def answer(text: str) -> HTML:
    """The box that holds a report's answer."""
    style = "border-left:4px solid #1f77b4;padding:.2rem .8rem"  # for JupyterLab; in a page all answers share one box
    return HTML(f'<p class="answer" style="{style}">{html.escape(text)}</p>')
