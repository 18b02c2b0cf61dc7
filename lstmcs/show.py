"""HTML pieces of notebooks and reports: tables and figures with captions and alt text, all text escaped.

The same piece is shown in JupyterLab and in the rendered report, and needs nothing from a network.
"""

import base64
import html
import io

import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import HTML


def table(frame: pd.DataFrame, caption: str, decimals: int = 2, index: bool = True) -> HTML:
    """A frame as a table: numbers right, words left, floats with `decimals` places, missing values as a dash; all escaped.

    MathJax, which JupyterLab runs over every output, is told to leave it alone: a "$" in a cell is a dollar.
    """
    frame = frame.rename_axis(index=frame.index.name or "").reset_index() if index else frame

    def text(value):
        if value is None or value is pd.NA or value != value:
            return "–"
        return f"{value:.{decimals}f}" if isinstance(value, float) else html.escape(str(value))

    kinds = ["" if pd.api.types.is_numeric_dtype(frame[column]) else ' class="text"' for column in frame]
    head = "".join(f'<th scope="col"{kind}>{html.escape(str(column))}</th>' for column, kind in zip(frame, kinds))
    rows = ("".join(f"<td{kind}>{text(value)}</td>" for value, kind in zip(row, kinds)) for row in frame.itertuples(index=False))
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return HTML(
        f'<figure class="table tex2jax_ignore mathjax_ignore"><figcaption>{html.escape(caption)}</figcaption><div class="scroll">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div></figure>"
    )


def figure(fig: plt.Figure, caption: str, alt: str) -> HTML:
    """A figure as an inline PNG. alt states what the picture shows, for a reader who cannot see it."""
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png", dpi=130, bbox_inches="tight", facecolor="white")
    plt.close(fig)
    data = base64.b64encode(buffer.getvalue()).decode()
    return HTML(
        f'<figure><img alt="{html.escape(alt, quote=True)}" src="data:image/png;base64,{data}">'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
    )


def notes(lines, title: str = "Notes") -> HTML:
    """Sentences as a list; nothing for none."""
    items = "".join(f"<li>{html.escape(str(line))}</li>" for line in lines)
    return HTML(f"<p><strong>{html.escape(title)}</strong></p><ul>{items}</ul>" if items else "")


def answer(text: str) -> HTML:
    """The box that holds a report's answer."""
    return HTML(f'<p class="answer">{html.escape(text)}</p>')
