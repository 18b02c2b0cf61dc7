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
    """A frame as a table; floats with `decimals` places, missing values as a dash, every cell escaped."""

    def text(value):
        if isinstance(value, float):
            return "–" if pd.isna(value) else f"{value:.{decimals}f}"
        return "–" if value is None or value is pd.NA else str(value)

    body = frame.map(text).to_html(index=index, escape=True, border=0, classes="data")
    return HTML(f'<figure class="table"><figcaption>{html.escape(caption)}</figcaption><div class="scroll">{body}</div></figure>')


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
