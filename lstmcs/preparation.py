"""What the paper leaves open about preparation, as named options. The defaults are the setting that comes nearest to Table 2
of the paper over all sets together (data/protocol/preparation_search.py).
"""

import ast
from dataclasses import dataclass

from . import words
from .sources import DataError, nearest

CHOICES = {
    "mentions": ("keep", "drop"), "links": ("keep", "drop"), "hashtags": ("keep", "drop"), "punctuation": ("space", "delete"),
    "numbers": ("keep", "drop"), "stop_words": tuple(words.STOP_WORDS), "stop_words_at": ("end", "start"), "duplicates": ("keep", "drop"),
    "pad_side": ("pre", "post"),
}  # fmt: skip


@dataclass(frozen=True)
class Preparation:
    """The options, in the order of the steps.

    stop_words: list; stop_words_at: "end", or "start" as the paper lists the steps (then only lower-case words between spaces
    are found). decode: HTML entities and escapes. contractions: "don't" is "do not". mentions, links, hashtags: @name,
    addresses, #word (kept: as words). punctuation: a space, or nothing ("well-known" is "wellknown"). numbers: terms with a
    digit. min_letters: shorter terms go. duplicates: a raw text that was there before. min_words: documents with fewer words
    before stop words are removed go. An "extremely uncommon" term is one in fewer than min_documents documents (below 1: a
    share of all, as in scikit-learn) or with fewer than min_occurrences occurrences. max_terms: only that many terms, the most
    frequent. tf_idf_terms: only that many, those with the largest sum of TF-IDF (the paper's reduction of AG). min_tokens:
    shorter documents go. min_class: classes with fewer documents go. pad_side: zeros before ("pre") or after ("post") a
    document's ids, up to the longest document.
    """

    stop_words: str = "sklearn"
    stop_words_at: str = "end"
    decode: bool = False
    contractions: bool = True
    mentions: str = "drop"
    links: str = "drop"
    hashtags: str = "keep"
    punctuation: str = "delete"
    numbers: str = "keep"
    min_letters: int = 2
    duplicates: str = "keep"
    min_words: int = 5
    min_documents: int | float = 0.00015
    min_occurrences: int = 1
    max_terms: int | None = None
    tf_idf_terms: int | None = None
    min_tokens: int = 4
    min_class: int = 1
    pad_side: str = "pre"

    def __post_init__(self):
        for name, allowed in CHOICES.items():
            if (value := getattr(self, name)) not in allowed:
                raise DataError(f"{name} must be {' or '.join(map(repr, allowed))}, not {value!r}{nearest(value, allowed)}")
        for name in ("min_letters", "min_words", "min_occurrences", "max_terms", "tf_idf_terms", "min_tokens", "min_class"):
            value = getattr(self, name)
            if not (value is None and name.endswith("_terms")) and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
                raise DataError(f"{name} must be a whole number, at least 1, not {value!r}")
        share = isinstance(self.min_documents, float) and 0 <= self.min_documents < 1
        if not share and (isinstance(self.min_documents, bool) or not isinstance(self.min_documents, int) or self.min_documents < 1):
            raise DataError(
                f"min_documents must be a whole number, at least 1, or a share from 0.0 to below 1.0, not {self.min_documents!r}"
            )

    @classmethod
    def of(cls, changes: dict, name: str = "preparation") -> "Preparation":
        """The common preparation with `changes`: option -> value, or a word for it ("4", "True"). name: of the set, for errors."""
        known = list(cls.__dataclass_fields__)
        if unknown := sorted(set(changes) - set(known)):
            raise DataError(f"{name}: unknown option {unknown[0]!r}{nearest(unknown[0], known)}. Options: {', '.join(known)}")
        try:
            return cls(**{option: _value(value) for option, value in changes.items()})
        except DataError as error:
            raise DataError(f"{name}: {error}") from None


def _value(value):
    """A word of the command line as the Python value it stands for, where it does: "4", "0.5", "True", "None"."""
    try:
        return ast.literal_eval(value) if isinstance(value, str) else value
    except (ValueError, SyntaxError):
        return value
