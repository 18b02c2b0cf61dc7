"""BERT's uncased tokenizer written again from its description (Devlin et al. 2019; Wu et al. 2016, WordPiece), without any library."""

import unicodedata


def tokens(text: str, vocabulary: dict[str, int], longest: int = 100) -> list[int]:
    """Ids with [CLS] and [SEP]: clean, part CJK, lower case, strip accents, part punctuation, then the longest pieces first."""
    cleaned = []
    for char in text:
        kind = unicodedata.category(char)
        if char in "\0\ufffd" or (kind.startswith("C") and char not in "\t\n\r"):
            continue
        cleaned.append(" " if char in "\t\n\r" or kind == "Zs" else f" {char} " if _is_cjk(ord(char)) else char)
    found = ["[CLS]"]
    for word in "".join(cleaned).split():
        lower = "".join(char.lower() for char in word)  # each by itself: a final capital sigma becomes σ
        letters = [c for c in unicodedata.normalize("NFD", lower) if unicodedata.category(c) != "Mn"]
        for part in "".join(f" {c} " if _is_punctuation(c) else c for c in letters).split():
            found += _pieces(part, vocabulary, longest)
    return [vocabulary[piece] for piece in (*found, "[SEP]")]


def _pieces(word: str, vocabulary: dict[str, int], longest: int) -> list[str]:
    pieces, start = [], 0
    while start < len(word):
        ends = range(len(word), start, -1) if len(word) <= longest else ()
        piece = next((p for end in ends if (p := ("##" if start else "") + word[start:end]) in vocabulary), None)
        if piece is None:
            return ["[UNK]"]
        pieces.append(piece)
        start += len(piece) - (2 if start else 0)
    return pieces


def _is_punctuation(char: str) -> bool:
    return (char.isascii() and char.isprintable() and not char.isalnum() and char != " ") or unicodedata.category(char).startswith("P")


def _is_cjk(code: int) -> bool:
    return any(a <= code <= b for a, b in ((0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F),
                                           (0x2B820, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F)))  # fmt: skip
