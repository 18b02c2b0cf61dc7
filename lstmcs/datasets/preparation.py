"""What happens to a text before it becomes ids: functions from string to string, the lists of stop words, and the options.

None of the functions looks beyond one white-space separated word, so a text may be treated whole or word by word. What the paper
leaves open is an option of `Preparation`; the defaults are the setting that comes nearest to Table 2 of the paper over all sets
together (data/protocol/preparation_search.py).
"""

import html
import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from ..environment import shared
from ..errors import DataError, nearest, visible

#: Contractions and what they stand for, tried in this order on lower-case text. "'s" is "is" after the words listed,
#: else a possessive. The paper's "custom GloVe method" is not published; this table is ours.
CONTRACTIONS = [
    (re.compile(pattern), full)
    for pattern, full in (
        (r"\bwon't\b", "will not"), (r"\bcan't\b", "can not"), (r"\bshan't\b", "shall not"), (r"\bain't\b", "is not"),
        (r"\blet's\b", "let us"), (r"\by'all\b", "you all"), (r"\bma'am\b", "madam"), (r"\bo'clock\b", "of the clock"),
        (r"(?<!\w)'twas\b", "it was"), (r"\bc'mon\b", "come on"), (r"(?<!\w)'em\b", "them"),
        (r"n't\b", " not"), (r"'re\b", " are"), (r"'ve\b", " have"), (r"'ll\b", " will"), (r"'d\b", " would"), (r"'m\b", " am"),
        (r"\b(it|he|she|that|this|what|who|where|when|why|how|there|here|everything|something|nothing)'s\b", r"\1 is"),
        (r"'s\b", ""),
    )
]  # fmt: skip
_APOSTROPHES = str.maketrans("’‘ʼ`´", "'''''")
#: Marks that belong to the letter before them: the vowel signs of Devanagari, accents that no composed letter has. Variation
#: selectors and the keycap, which only say how a character is drawn, are none.
_DRAWING = {0x20E3, *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)}
_MARKS = "".join(chr(c) for c in range(0x300, sys.maxunicode + 1) if unicodedata.category(chr(c))[0] == "M" and c not in _DRAWING)
#: Zero-width joiner and non-joiner (Hindi, Persian) and the soft hyphen stand inside a word.
_JOINING = re.compile(f"[\u00ad\u200c\u200d{''.join(map(chr, sorted(_DRAWING)))}]")
_NOT_ALPHANUMERIC = re.compile(rf"(?:[^\w{_MARKS}]|_|(?<![^\W_])(?<![{_MARKS}])[{_MARKS}])+")
_NOT_ALPHANUMERIC_NOR_SPACE = re.compile(rf"[^\w\s{_MARKS}]+|_+|(?<![^\W_])(?<![{_MARKS}])[{_MARKS}]+")
_MENTION, _LINK, _HASHTAG = re.compile(rf"@[\w{_MARKS}]+"), re.compile(r"https?://\S+|www\.\S+"), re.compile(rf"#[\w{_MARKS}]+")
#: Thai, Lao, Myanmar, Khmer, kana, and the ideographs of Chinese and Japanese. (Korean has spaces.)
_UNSPACED = re.compile("[\u0e01-\u0ece\u1000-\u109f\u1780-\u17d3\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff]")
UNSPACED = (
    "most texts come out as one term each: scripts without spaces between words, as Chinese, Japanese or Thai, do not suit this preparation "
    "unless their words have been parted by spaces beforehand"
)
_BROKEN_ENTITY = re.compile(r"(?<![&\w;])(#\d{2,5};|(?:amp|lt|gt|quot|nbsp);)")
_ESCAPES = re.compile(r"(?:\\u[0-9a-fA-F]{4})+")

#: NLTK 3's English list (179 words), with which many tweets are cleaned; scikit-learn's has 318, kept in data/stop_words.txt.
_NLTK = """i me my myself we our ours ourselves you you're you've you'll you'd your yours yourself yourselves he him his himself she
she's her hers herself it it's its itself they them their theirs themselves what which who whom this that that'll these those am is
are was were be been being have has had having do does did doing a an the and but if or because as until while of at by for with
about against between into through during before after above below to from up down in out on off over under again further then once
here there when where why how all any both each few more most other some such no nor not only own same so than too very s t can will
just don don't should should've now d ll m o re ve y ain aren aren't couldn couldn't didn didn't doesn doesn't hadn hadn't hasn hasn't
haven haven't isn isn't ma mightn mightn't mustn mustn't needn needn't shan shan't shouldn shouldn't wasn wasn't weren weren't won
won't wouldn wouldn't"""
_SKLEARN = (line for line in shared("data", "stop_words.txt").read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
STOP_WORDS = {"none": frozenset(), "sklearn": frozenset(_SKLEARN), "nltk": frozenset(_NLTK.split())}


def compose(text: str) -> str:
    """Letters and their accents as one character where there is one (Unicode's NFC): "café" is one word however it was typed."""
    return unicodedata.normalize("NFC", text)


def decode_escapes(text: str) -> str:
    """HTML entities, also AG's that have lost their "&" ("#39;s"), and MLMA's "\\u2019" as the characters they stand for.

    Any other backslash is a space: in AG it stands for a line break.
    """
    if ";" in text:
        text = html.unescape(_BROKEN_ENTITY.sub(r"&\1", text))
    if "\\" in text:
        text = _ESCAPES.sub(_characters, text).replace("\\", " ")
    return text


def _characters(escapes: re.Match) -> str:
    return bytes.fromhex(escapes[0].replace("\\u", "")).decode("utf-16-be", "replace")


def drop_mentions(text: str) -> str:
    """Without user names (@name)."""
    return _MENTION.sub(" ", text)


def drop_links(text: str) -> str:
    """Without web addresses."""
    return _LINK.sub(" ", text)


def drop_hashtags(text: str) -> str:
    """Without hashtags (#word), the word included."""
    return _HASHTAG.sub(" ", text)


def expand_contractions(text: str) -> str:
    """Lower-case text with "don't" as "do not"; typographic apostrophes count as plain ones."""
    text = text.translate(_APOSTROPHES)
    if "'" not in text:
        return text
    for pattern, full in CONTRACTIONS:
        text = pattern.sub(full, text)
    return text


def space_non_alphanumeric(text: str) -> str:
    """Every run of other characters (punctuation, symbols, emoji, underscores) becomes one space; what only joins or draws letters goes."""
    return _NOT_ALPHANUMERIC.sub(" ", _JOINING.sub("", text))


def delete_non_alphanumeric(text: str) -> str:
    """Other characters go without a trace: "well-known" is one word, "wellknown"."""
    return _NOT_ALPHANUMERIC_NOR_SPACE.sub("", text)


def remove_words(text: str, words: frozenset[str]) -> str:
    """Without the words of a list."""
    return " ".join(word for word in text.split() if word not in words)


def remove_numbers(text: str) -> str:
    """Without words that hold a digit."""
    return " ".join(word for word in text.split() if not any(map(str.isdigit, word)))


def remove_short(text: str, letters: int) -> str:
    """Without words of fewer letters."""
    return " ".join(word for word in text.split() if len(word) >= letters)


def without_spaces(texts: Sequence[str]) -> bool:
    """Whether most texts are of a script that puts no spaces between words, or come out as one long word: each would be one term."""
    return 2 * sum(_in_one_piece(text) for text in texts) > len(texts)


def _in_one_piece(text: str) -> bool:
    return 2 * len(_UNSPACED.findall(text)) > sum(map(str.isalpha, text)) or (len(text) >= 20 and not re.search(r"\s|://", text))


def cut(text: str, width: int) -> str:
    """The first `width` characters, made visible; an ellipsis stands for the rest."""
    text = visible(text[: width + 1])
    return text if len(text) <= width else text[: width - 1] + "…"


def apart(names: Sequence[str], width: int) -> list[str]:
    """Names cut to `width` characters and still told apart: where several come to the same one, each has its number behind it."""
    short = [cut(str(name), width) for name in names]
    count, seen, found = Counter(short), Counter(), []
    for name in short:
        seen[name] += 1
        found.append(name if count[name] == 1 else f"{cut(name, width - 4)} ({seen[name]})")
    return found


CHOICES = {
    "mentions": ("keep", "drop"), "links": ("keep", "drop"), "hashtags": ("keep", "drop"), "punctuation": ("space", "delete"),
    "numbers": ("keep", "drop"), "stop_words": tuple(STOP_WORDS), "stop_words_at": ("end", "start"), "duplicates": ("keep", "drop"),
    "pad_side": ("pre", "post"),
}  # fmt: skip


@dataclass(frozen=True)
class Preparation:
    """The options, in the order of the steps.

    stop_words: the list that is taken out: none, sklearn or nltk.
    stop_words_at: "end", or "start" as the paper lists the steps; then only lower-case words between spaces are found.
    decode: HTML entities and escapes become the characters they stand for.
    contractions: "don't" becomes "do not".
    mentions, links, hashtags: @name, addresses, #word: dropped, or kept as words.
    punctuation: becomes a space, or nothing ("well-known" is "wellknown").
    numbers: terms with a digit, kept or dropped.
    min_letters: shorter terms go.
    duplicates: a raw text that was there before, kept or dropped.
    min_words: documents with fewer words before stop words are removed go.
    min_documents: terms in fewer documents go as extremely uncommon; below 1, a share of all documents, as in scikit-learn.
    min_occurrences: terms with fewer occurrences go likewise.
    max_terms: only so many terms, the most frequent.
    tf_idf_terms: only so many terms, those with the largest sum of TF-IDF (the paper's reduction of AG).
    min_tokens: shorter documents go.
    min_class: classes with fewer documents go.
    max_len: of longer documents only the first so many terms stay. MaxLen, to which all are padded, is then no more than that.
    pad_side: zeros before ("pre") or after ("post") a document's ids, up to the longest document.

    Raises DataError for a value that an option cannot take.
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
    max_len: int | None = None

    def __post_init__(self):
        for name, allowed in CHOICES.items():
            if not isinstance(value := getattr(self, name), str) or value not in allowed:
                raise DataError(f"{name} must be {' or '.join(map(repr, allowed))}, not {value!r}{nearest(value, allowed)}")
        for name, kind in _KINDS.items():
            value = getattr(self, name)
            if kind is bool and not isinstance(value, bool):
                raise DataError(f"{name} must be True or False (yes or no, on or off), not {value!r}")
            if kind in (int, int | None) and not (value is None and kind is not int) and (type(value) is not int or value < 1):
                raise DataError(f"{name} must be a whole number, at least 1, not {value!r}")
        share = isinstance(self.min_documents, float) and 0 <= self.min_documents < 1
        if not share and (isinstance(self.min_documents, bool) or not isinstance(self.min_documents, int) or self.min_documents < 1):
            raise DataError(
                f"min_documents must be a whole number, at least 1, or a share from 0.0 to below 1.0, not {self.min_documents!r}"
            )

    def config(self) -> dict:
        """As plain values: what a record's key says of it."""
        values = asdict(self)
        if values["max_len"] is None:  # younger than the first records, whose keys are to stay
            del values["max_len"]
        return values

    @classmethod
    def of(cls, changes: dict, name: str = "preparation") -> "Preparation":
        """The common preparation with `changes`: option -> value, or a word for it ("4", "no"). name: of the set, for errors."""
        known = list(cls.__dataclass_fields__)
        if unknown := sorted(set(changes) - set(known)):
            raise DataError(f"{name}: unknown option {unknown[0]!r}{nearest(unknown[0], known)}. Options: {', '.join(known)}")
        try:
            return cls(**{option: _value(value, _KINDS[option]) for option, value in changes.items()})
        except DataError as error:
            raise DataError(f"{name}: {error}") from None


_KINDS = {name: field.type for name, field in Preparation.__dataclass_fields__.items()}
_SWITCH = {**dict.fromkeys(("true", "yes", "on", "1"), True), **dict.fromkeys(("false", "no", "off", "0"), False)}


def _value(value, kind):
    """A word as the value of this kind that it stands for; as it is where it stands for none, or is no word."""
    if not isinstance(value, str) or kind is str:
        return value
    if kind is bool:
        return _SWITCH.get(value.lower(), value)
    if kind == int | None and value.lower() == "none":
        return None
    for number in (int, float) if kind == int | float else (int,):
        try:
            return number(value)
        except ValueError:
            pass
    return value
