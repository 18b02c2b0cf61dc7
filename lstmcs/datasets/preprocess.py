"""Text to ids (paper, section 3.4): the same steps, in the same order, for every data set.

`prepare` chains the functions of preparation.py, then looks at all documents together (repetitions, uncommon terms, short
documents), and counts what is left after each step.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from ..errors import DataError
from . import preparation
from .loading import Dataset
from .preparation import Preparation

MAX_IDS = 2**31  # four bytes each


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

    @property
    def lost_classes(self) -> tuple[str, ...]:
        """Classes of the original set that no prepared document has."""
        return tuple(c for c in self.dataset.classes if c not in self.classes)

    def terms(self, count: int | None = None) -> list[str]:
        """The first `count` (default: all) prepared documents as text, terms parted by spaces."""
        return [" ".join(self.vocabulary[i - 1] for i in ids if i) for ids in self.ids[:count]]

    @property
    def id(self) -> tuple[str, Preparation]:
        """What tells it from another: the data's hash and the options."""
        return self.dataset.sha256, self.options

    def config(self) -> dict:
        """What a record's key says of the data."""
        return data_config(self.dataset, self.options)


def data_config(dataset: Dataset, options: Preparation) -> dict:
    """What a record's key says of a data set prepared with `options`."""
    return {"dataset": dataset.name, "data_sha256": dataset.sha256, "preparation": options.config()}


Step = tuple[str, Callable[[str], str]]


def text_steps(options: Preparation) -> tuple[list[Step], list[Step]]:
    """The steps inside one text, in order, as (what is left, function): those that clean it, then those that take out terms."""
    stop = ("stop words removed", partial(preparation.remove_words, words=preparation.STOP_WORDS[options.stop_words]))
    at = options.stop_words_at if options.stop_words != "none" else None
    last = ("non-alphanumerics deleted", preparation.delete_non_alphanumeric)
    if options.punctuation == "space":
        last = ("non-alphanumerics to spaces", preparation.space_non_alphanumeric)
    clean = [
        (True, ("accents composed", preparation.compose)),
        (at == "start", stop),
        (options.decode, ("entities and escapes decoded", preparation.decode_escapes)),
        (True, ("lower case", str.lower)),
        (options.contractions, ("contractions expanded", preparation.expand_contractions)),
        (options.links == "drop", ("links dropped", preparation.drop_links)),
        (options.mentions == "drop", ("user names dropped", preparation.drop_mentions)),
        (options.hashtags == "drop", ("hashtags dropped", preparation.drop_hashtags)),
        (True, last),
    ]
    short = (f"terms under {options.min_letters} letters dropped", partial(preparation.remove_short, letters=options.min_letters))
    terms = [
        (at == "end", stop),
        (options.numbers == "drop", ("terms with digits dropped", preparation.remove_numbers)),
        (options.min_letters > 1, short),
    ]
    return [step for wanted, step in clean if wanted], [step for wanted, step in terms if wanted]


def remove_terms(texts: list[str], kept: set[str]) -> list[str]:
    """Only the terms of `kept`."""
    return [" ".join(term for term in text.split() if term in kept) for text in texts]


def common_terms(texts: list[str], min_documents: int | float, min_occurrences: int) -> set[str]:
    """Terms in at least `min_documents` documents (below 1: share of all documents), with at least `min_occurrences` occurrences."""
    split = [text.split() for text in texts]
    documents, occurrences = Counter(t for ts in split for t in set(ts)), Counter(t for ts in split for t in ts)
    least = min_documents if min_documents >= 1 else min_documents * len(texts)
    return {term for term in documents if documents[term] >= least and occurrences[term] >= min_occurrences}


def frequent_terms(texts: list[str], count: int) -> set[str]:
    """The `count` most frequent terms; equals by name."""
    frequency = Counter(term for text in texts for term in text.split())
    return set(sorted(frequency, key=lambda term: (-frequency[term], term))[:count])


def tf_idf_terms(texts: list[str], count: int) -> set[str]:
    """The `count` terms with the largest sum of TF-IDF over all documents (scikit-learn's weights, each document of length 1)."""
    from sklearn.feature_extraction.text import TfidfVectorizer  # here: one set of seven asks for it

    vectorizer = TfidfVectorizer(analyzer=str.split)
    weight = np.asarray(vectorizer.fit_transform(texts).sum(axis=0)).ravel()
    terms = vectorizer.get_feature_names_out()  # sorted by name, so a stable sort breaks ties by name
    return set(terms[np.argsort(-weight, kind="stable")[:count]])


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


def prepare(dataset: Dataset, options: Preparation | None = None) -> Prepared:
    """All steps in order; documents and classes with nothing left are dropped and counted. Raises DataError.

    options: default `Preparation.of(dataset.preparation)`. Steps that the options switch off are not in `counts`.
    """
    o = options or Preparation.of(dataset.preparation, dataset.name)
    texts, labels, rows = list(dataset.texts), dataset.labels, np.arange(len(dataset))
    counts = [_count("original", texts, labels)]

    def note(step: str) -> None:
        counts.append(_count(step, texts, labels))

    def keep(chosen: np.ndarray, what: str = "has a term left") -> None:
        nonlocal texts, labels, rows
        if not chosen.any():
            why = f"; {preparation.UNSPACED}" if preparation.without_spaces(dataset.texts) else ""
            raise DataError(f"{dataset.name}: none of {len(texts)} documents {what}, so nothing is left to learn from{why}")
        texts, labels, rows = [t for t, c in zip(texts, chosen) if c], labels[chosen], rows[chosen]

    if o.duplicates == "drop":
        keep(~pd.Series(texts).duplicated().to_numpy())
        note("repeated texts dropped")
    clean, terms = text_steps(o)
    for name, step in clean:
        texts = [step(text) for text in texts]
        note(name)
    if o.min_words > 1:
        keep(np.array([len(text.split()) >= o.min_words for text in texts]), f"has the {o.min_words} words that min_words asks for")
        note(f"documents under {o.min_words} words dropped")
    for name, step in terms:
        texts = [step(text) for text in texts]
        note(name)
    if o.min_documents != 1 or o.min_occurrences > 1:
        texts = remove_terms(texts, common_terms(texts, o.min_documents, o.min_occurrences))
        note("uncommon terms removed")
    if o.max_terms:
        texts = remove_terms(texts, frequent_terms(texts, o.max_terms))
        note(f"all but the {o.max_terms} most frequent terms removed")
    if o.tf_idf_terms:
        keep(np.array([bool(text) for text in texts]))
        texts = remove_terms(texts, tf_idf_terms(texts, o.tf_idf_terms))
        note(f"reduced to {o.tf_idf_terms} terms by TF-IDF")
    keep(np.array([len(text.split()) >= o.min_tokens for text in texts]), f"has the {o.min_tokens} terms that min_tokens asks for")
    note("empty documents dropped" if o.min_tokens == 1 else f"documents under {o.min_tokens} terms dropped")
    wanted = labels.sum(axis=0) >= o.min_class
    if o.min_class > 1:
        labels = labels * wanted.astype(np.uint8)
        if not dataset.multi_label:  # a document of several classes may do without one of them
            keep(labels.any(axis=1), f"is of a class with the {o.min_class} documents that min_class asks for")
        note(f"classes under {o.min_class} documents dropped")
    present = labels.any(axis=0)
    classes = tuple(c for c, here in zip(dataset.classes, present) if here)
    if len(classes) < 2:
        raise DataError(f"{dataset.name}: only one class has documents left after preparation, {classes}")
    if o.max_len:
        texts = [" ".join(text.split()[: o.max_len]) for text in texts]
        note(f"documents cut after {o.max_len} terms")
    longest = max(len(text.split()) for text in texts)
    if len(texts) * longest > MAX_IDS:
        raise DataError(f"{dataset.name}: {len(texts)} documents, all padded to the longest one's {longest} terms, are too many ids for memory; "
                        "the option max_len cuts long ones, for example max_len=200")  # fmt: skip
    ids, vocabulary = encode(texts, o.pad_side)
    return Prepared(dataset, ids, labels[:, present], rows, classes, vocabulary, pd.DataFrame(counts), o)


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
