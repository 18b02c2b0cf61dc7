"""Text to ids (paper, section 3.4): the same steps, in the same order, for every data set.

Each step is a small function on one text or on all documents; `prepare` chains them and counts what is left after
each. What the paper leaves open is a named option of `Preparation`.
"""

import re
from collections import Counter
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from .datasets import DataError, Dataset

#: Contractions and what they stand for, tried in this order on lower-case text. "'s" is "is" after the words listed,
#: else a possessive. The paper's "custom GloVe method" is not published; this table is ours.
CONTRACTIONS = [
    (re.compile(pattern), full)
    for pattern, full in (
        (r"\bwon't\b", "will not"), (r"\bcan't\b", "can not"), (r"\bshan't\b", "shall not"), (r"\bain't\b", "is not"),
        (r"\blet's\b", "let us"), (r"\by'all\b", "you all"), (r"\bma'am\b", "madam"), (r"\bo'clock\b", "of the clock"),
        (r"'?\b(t)was\b", "it was"), (r"\bc'mon\b", "come on"), (r"\b('em)\b", "them"),
        (r"n't\b", " not"), (r"'re\b", " are"), (r"'ve\b", " have"), (r"'ll\b", " will"), (r"'d\b", " would"), (r"'m\b", " am"),
        (r"\b(it|he|she|that|this|what|who|where|when|why|how|there|here|everything|something|nothing)'s\b", r"\1 is"),
        (r"'s\b", ""),
    )
]  # fmt: skip
_APOSTROPHES = str.maketrans("’‘ʼ`´", "'''''")
_NOT_ALPHANUMERIC = re.compile(r"[\W_]+")


@dataclass(frozen=True)
class Preparation:
    """What the paper leaves open. min_documents: a term in fewer documents is "extremely uncommon" and removed.

    pad_side: zeros before ("pre") or after ("post") the ids of a document, up to the longest document of the set.
    """

    min_documents: int = 2
    pad_side: str = "pre"

    def __post_init__(self):
        if self.pad_side not in ("pre", "post"):
            raise ValueError(f"pad_side must be 'pre' or 'post', not {self.pad_side!r}")
        if self.min_documents < 1:
            raise ValueError(f"min_documents must be at least 1, not {self.min_documents}")


@dataclass(frozen=True)
class Prepared:
    """A data set as a model sees it.

    ids: int32 (documents, max_len), 0 is padding. labels: uint8 (documents, classes). rows: index of each document
    in the original set. vocabulary: term of id 1, 2, ... counts: what was left after each step.
    """

    dataset: Dataset
    ids: np.ndarray
    labels: np.ndarray
    rows: np.ndarray
    classes: tuple[str, ...]
    vocabulary: tuple[str, ...]
    counts: pd.DataFrame
    options: Preparation

    @property
    def max_len(self) -> int:
        return self.ids.shape[1]

    @property
    def vocab_size(self) -> int:
        """Number of ids, padding included: the embedding's input dimension."""
        return len(self.vocabulary) + 1

    def examples(self, count: int, width: int = 160) -> pd.DataFrame:
        """The first documents before and after, texts cut to `width` characters."""

        def cut(text: str) -> str:
            return text if len(text) <= width else text[: width - 1] + "…"

        rows = []
        for ids, labels, row in zip(self.ids[:count], self.labels[:count], self.rows):
            after = " ".join(self.vocabulary[i - 1] for i in ids if i)
            classes = ", ".join(c for c, has in zip(self.classes, labels) if has)
            rows.append({"class": classes or "(none)", "before": cut(self.dataset.texts[row]), "after": cut(after)})
        return pd.DataFrame(rows)

    def config(self) -> dict:
        """What a record's key says of the data."""
        return {"dataset": self.dataset.name, "data_sha256": self.dataset.sha256, "preparation": asdict(self.options)}


def expand_contractions(text: str) -> str:
    """Lower-case text with "don't" as "do not"; typographic apostrophes count as plain ones."""
    text = text.translate(_APOSTROPHES)
    if "'" not in text:
        return text
    for pattern, full in CONTRACTIONS:
        text = pattern.sub(full, text)
    return text


def remove_non_alphanumeric(text: str) -> str:
    """Every run of other characters (punctuation, symbols, emoji, underscores) becomes one space."""
    return _NOT_ALPHANUMERIC.sub(" ", text)


def remove_stop_words(text: str) -> str:
    """Without scikit-learn's 318 English stop words."""
    return " ".join(word for word in text.split() if word not in ENGLISH_STOP_WORDS)


def remove_rare_terms(texts: list[str], min_documents: int) -> list[str]:
    """Without the terms that occur in fewer than `min_documents` documents."""
    documents = Counter(term for text in texts for term in set(text.split()))
    return [" ".join(term for term in text.split() if documents[term] >= min_documents) for text in texts]


def encode(texts: list[str], pad_side: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Terms to ids, most frequent term first, padded with 0 to the longest document: int32 (documents, max_len)."""
    frequency = Counter(term for text in texts for term in text.split())
    vocabulary = tuple(sorted(frequency, key=lambda term: (-frequency[term], term)))
    number = {term: i for i, term in enumerate(vocabulary, start=1)}
    rows = [[number[term] for term in text.split()] for text in texts]
    ids = np.zeros((len(rows), max(map(len, rows))), np.int32)
    for row, out in zip(rows, ids):
        out[-len(row) if pad_side == "pre" else 0 : None if pad_side == "pre" else len(row)] = row
    return ids, vocabulary


def prepare(dataset: Dataset, options: Preparation = Preparation()) -> Prepared:
    """All steps in order; documents and classes with nothing left are dropped and counted. Raises DataError."""
    texts = list(dataset.texts)
    counts = [_count("original", texts, dataset.labels)]
    for name, step in (
        ("lower case", str.lower),
        ("contractions expanded", expand_contractions),
        ("non-alphanumerics removed", remove_non_alphanumeric),
        ("stop words removed", remove_stop_words),
    ):
        texts = [step(text) for text in texts]
        counts.append(_count(name, texts, dataset.labels))
    texts = remove_rare_terms(texts, options.min_documents)
    counts.append(_count(f"terms in fewer than {options.min_documents} documents removed", texts, dataset.labels))
    rows = np.array([i for i, text in enumerate(texts) if text], np.int64)
    if not len(rows):
        raise DataError(f"{dataset.name}: no document has a word left after preparation")
    labels = dataset.labels[rows]
    present = labels.any(axis=0)
    labels, classes = labels[:, present], tuple(c for c, here in zip(dataset.classes, present) if here)
    if len(classes) < 2:
        raise DataError(f"{dataset.name}: only one class has documents left after preparation, {classes}")
    texts = [texts[i] for i in rows]
    counts.append(_count("empty documents dropped", texts, labels))
    ids, vocabulary = encode(texts, options.pad_side)
    return Prepared(dataset, ids, labels, rows, classes, vocabulary, pd.DataFrame(counts), options)


def _count(step: str, texts: list[str], labels: np.ndarray) -> dict:
    """One row of the table of counts, tokens as in the paper's Table 2 (white-space separated, case kept)."""
    split = [text.split() for text in texts]
    return {
        "step": step,
        "documents": sum(map(bool, split)),
        "classes": int(labels.any(axis=0).sum()),
        "max_len": max(map(len, split), default=0),
        "tokens": len({token for tokens in split for token in tokens}),
    }
