"""What the data are, as tidy frames: checks against the registry, classes, lengths, vocabulary growth, examples.

Every frame has a column `dataset`, so the frames of several sets can be put one below the other. Texts in them are cut
and made visible (errors.visible): whatever a document holds, it is shown, not run.
"""

from collections import Counter
from itertools import chain

import numpy as np
import pandas as pd

from ..errors import DataError, nearest
from . import preparation
from .loading import Dataset, load_dataset
from .preparation import Preparation
from .preprocess import Prepared, text_steps
from .registry import at_hand, verified
from .registry import entries as registered

KEPT = 0.7  # of the documents: where preparation leaves fewer, it is said
LONG_TAIL = 5  # MaxLen over the length that 99 in 100 documents have: likewise
COUNTS = ("documents", "classes", "max_len", "tokens")


def counts_of(dataset: Dataset) -> dict[str, int]:
    """The four counts of Table 2 for a set as it comes; tokens are white-space separated, case kept."""
    split = [text.split() for text in dataset.texts]
    distinct = {token for tokens in split for token in tokens}
    return dict(zip(COUNTS, (len(dataset), len(dataset.classes), max(map(len, split)), len(distinct))))


def check(names: list[str] | None = None) -> pd.DataFrame:
    """Verify the registered sets that are at hand, a row a set; nothing is downloaded.

    state: "right" (hash, kind and counts are the registry's), "wrong", or "not at hand". Columns documents, classes, max_len,
    tokens: counted in the file (missing if not at hand). detail: what is wrong, or the
    registry's remark. Raises DataError for an unknown name.
    """
    entries = registered()
    for name in names or ():
        if name not in entries:
            raise DataError(f"unknown data set {name!r}{nearest(name, entries)}. Known: {', '.join(entries)}")
    return pd.DataFrame([_check(name, entries[name]) for name in names or entries])


def _check(name: str, entry: dict) -> dict:
    row = {"dataset": name, "state": "not at hand", **dict.fromkeys(COUNTS, pd.NA), "detail": entry.get("remark", "")}
    if (path := at_hand(name, entry)) is None:
        return row
    try:
        verified(name, entry, path)  # a file that differs would be fetched again
        dataset = load_dataset(name)
    except DataError as error:
        return row | {"state": "wrong", "detail": str(error)}
    counts = counts_of(dataset)
    wrong = [f"{count} is {counts[count]}, should be {n}" for count, n in entry["counts"].items() if counts[count] != n]
    if dataset.multi_label != (entry["kind"] == "multi-label"):
        wrong.append(f"the set is {'' if dataset.multi_label else 'not '}multi-label, its entry says {entry['kind']}")
    return row | counts | {"state": "wrong" if wrong else "right", "detail": "; ".join(wrong) or row["detail"]}


#: Step of the preparation -> the option under which it takes no document.
_KEEPING = {"words dropped": "min_words=1", "terms dropped": "min_tokens=1", "repeated texts dropped": "duplicates=keep", "stop words removed": "stop_words=none",
            "classes under": "min_class=1"}  # fmt: skip


def remarks(prepared: Prepared) -> list[str]:
    """What is worth knowing before a prepared set is trained on, a sentence each: documents lost, one long document, no spaces."""
    found, counts = [], prepared.counts
    documents, last = counts["documents"], prepared.counts["documents"].iloc[-1]
    if last < KEPT * documents.iloc[0]:
        lost = -documents.diff().fillna(0)
        step = counts["step"][lost.idxmax()]
        option = next((option for words, option in _KEEPING.items() if words in step), "")
        found.append(f"preparation leaves {last} of {documents.iloc[0]} documents ({100 * last / documents.iloc[0]:.0f} %); most go with the step "
                     f"'{step}', {lost.max():.0f} of them" + (f" ({option} keeps them)" if option else ""))  # fmt: skip
    lengths = np.sort((prepared.ids > 0).sum(axis=1))
    common = int(lengths[int(0.99 * (len(lengths) - 1))])
    if prepared.max_len > LONG_TAIL * common:
        found.append(f"all documents are padded to the longest one's {prepared.max_len} terms, of which 99 in 100 need {common} at most: training takes "
                     f"{prepared.max_len // common} times as long as it need (max_len={common} cuts the others; --padding mask pads less)")  # fmt: skip
    if preparation.without_spaces(prepared.dataset.texts):
        found.append(preparation.UNSPACED)
    if len(prepared.ids) < 10:
        found.append(f"{len(prepared.ids)} documents are too few for ten folds")
    return found


def class_balance(prepared: Prepared) -> pd.DataFrame:
    """Documents a class before and after preparation, and their shares of all documents (multi-label shares sum to any number)."""
    dataset = prepared.dataset
    before = dataset.labels.sum(axis=0, dtype=int)
    after = dict(zip(prepared.classes, prepared.labels.sum(axis=0, dtype=int)))
    frame = pd.DataFrame({"dataset": dataset.name, "class": preparation.apart(dataset.classes, 60), "original": before})
    frame["prepared"] = [int(after.get(c, 0)) for c in dataset.classes]
    frame["original_share"], frame["prepared_share"] = before / len(dataset), frame["prepared"] / len(prepared.labels)
    return frame.sort_values("original", ascending=False, kind="stable", ignore_index=True)


def lengths(prepared: Prepared) -> pd.DataFrame:
    """Distribution of lengths: dataset, stage, length (tokens), documents. The largest length of "prepared" is MaxLen."""
    name = prepared.dataset.name
    found = {"original": [len(t.split()) for t in prepared.dataset.texts], "prepared": (prepared.ids > 0).sum(axis=1).tolist()}
    rows = [(name, stage, *pair) for stage, values in found.items() for pair in sorted(Counter(values).items())]
    return pd.DataFrame(rows, columns=["dataset", "stage", "length", "documents"])


def vocabulary_growth(prepared: Prepared, points: int = 50) -> pd.DataFrame:
    """Distinct tokens seen after so many documents and tokens, in the order of the file: dataset, stage, documents, tokens, distinct."""
    names = np.array(["", *prepared.vocabulary], object)
    found = {"original": [t.split() for t in prepared.dataset.texts], "prepared": [names[ids[ids > 0]].tolist() for ids in prepared.ids]}
    rows = []
    for stage, documents in found.items():
        marks = set(np.unique(np.linspace(1, len(documents), min(points, len(documents))).round().astype(int)).tolist())
        seen, tokens = set(), 0
        for number, document in enumerate(documents, start=1):
            seen.update(document)
            tokens += len(document)
            if number in marks:
                rows.append((prepared.dataset.name, stage, number, tokens, len(seen)))
    return pd.DataFrame(rows, columns=["dataset", "stage", "documents", "tokens", "distinct"])


def examples(prepared: Prepared, count: int = 5, width: int = 160) -> pd.DataFrame:
    """Documents before and after each step, spread over the file: dataset, document (row in the file), step, text.

    The last step of each is the prepared document as its ids say; a document that was dropped ends with "(dropped)".
    """
    dataset, options = prepared.dataset, prepared.options
    place = {int(row): i for i, row in enumerate(prepared.rows)}
    rows = []
    for row in np.unique(np.linspace(0, len(dataset) - 1, min(count, len(dataset))).round().astype(int)).tolist():
        text = dataset.texts[row]
        stages = [("original", text)]
        for step, function in chain(*text_steps(options)):
            text = function(text)
            stages.append((step, text))
        ids = prepared.ids[place[row]] if row in place else None
        stages.append(("prepared", "(dropped)" if ids is None else " ".join(prepared.vocabulary[i - 1] for i in ids if i)))
        rows += [{"dataset": dataset.name, "document": row, "step": step, "text": preparation.cut(t, width)} for step, t in stages]
    return pd.DataFrame(rows)


def sources() -> pd.DataFrame:
    """Where each registered set comes from and on which terms: dataset, title, kind, licence, citation, address, hash, remark,
    difference (why the prepared set is not Table 2's)."""
    rows = [
        {"dataset": name, **{key: entry.get(key, "") for key in ("title", "kind", "licence", "citation")},
         "address": entry.get("url", "bundled" if entry.get("bundled") else "published nowhere"), "hash": entry["hash"],
         "remark": entry.get("remark", ""), "difference": entry.get("difference", "")}
        for name, entry in registered().items()
    ]  # fmt: skip
    return pd.DataFrame(rows)


def options(prepared: Prepared) -> pd.DataFrame:
    """The preparation's options as text: option, value, default."""
    default = Preparation()
    rows = [(name, str(getattr(prepared.options, name)), str(getattr(default, name))) for name in Preparation.__dataclass_fields__]
    return pd.DataFrame(rows, columns=["option", "value", "default"])
