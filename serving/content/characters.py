"""Normalise texts, so that a word is found however it is written, and its place is known.

Two forms: letters and digits alone, for words; with spaces and marks, for numbers and addresses.
Both come from `str.translate` with a table that computes each character when it first meets it.
"""

import unicodedata
from functools import cache
from pathlib import Path
from types import MappingProxyType

from features.declared import read_toml

CHARACTERS = Path(__file__).with_name("characters.toml")
SENTENCE_MARKS = frozenset("，,。｡！!？?；;：:、…\n\r")
_SPACES = {"\n": "\n", "\r": "\n", "\t": " "}
_UNSEEN = {"Cc", "Cf", "Cn", "Co", "Cs", "Mn", "Me"}


def word_form(text: str) -> str:
    """Reduce a text to letters and digits, in lower case, half width and simplified characters.

    Examples
    --------
    >>> word_form("返 現\\u200b"), word_form("ＶＸ：①三八"), word_form("1️⃣0️⃣0️⃣%")
    ('返现', 'vx138', '100')
    """
    return text.translate(_WORDS)


def plain_form(text: str) -> str:
    """Normalise a text with its spaces and marks; invisible characters are removed.

    Examples
    --------
    >>> plain_form("ＷＷＷ．a\\u200bbc。ｃｏｍ 一三八")
    'www.abc。com 138'
    """
    return text.translate(_PLAIN)


def word_origins(text: str) -> list[int]:
    """List, for each character of `word_form(text)`, the place in `text` it comes from."""
    return [place for place, character in enumerate(text) for _ in _WORDS[ord(character)]]


def plain_origins(text: str) -> list[int]:
    """List, for each character of `plain_form(text)`, the place in `text` it comes from."""
    return [place for place, character in enumerate(text) for _ in _PLAIN[ord(character)]]


@cache
def _read() -> tuple[MappingProxyType[str, str], frozenset[str]]:
    """Read which characters count as the same, and which are invisible letters of Unicode."""
    tables = read_toml(CHARACTERS)
    pairs = [pair for table in tables["same"].values() for pair in table.split()]
    same = {pair[0]: pair[1] for pair in pairs}
    unseen = frozenset(chr(int(code, 16)) for code in tables["invisible"]["characters"])
    return MappingProxyType(same), unseen


class _Table(dict[int, str]):
    """Translation table: code of a character -> what it becomes; filled on first use."""

    def __init__(self, *, marks: bool) -> None:
        super().__init__()
        self._marks = marks

    def __missing__(self, code: int) -> str:
        same, unseen = _read()
        character = chr(code)
        if character in _SPACES:
            replacement = _SPACES[character] if self._marks else ""
        else:
            # Twice: folding the case of a letter may leave one with an accent of its own.
            folded = unicodedata.normalize("NFKD", character).casefold()
            pieces = unicodedata.normalize("NFKD", folded)
            replacement = "".join(
                same.get(piece, piece)
                for piece in pieces
                if character not in unseen and piece not in unseen and self._keeps(piece)
            )
        self[code] = replacement
        return replacement

    def _keeps(self, piece: str) -> bool:
        category = unicodedata.category(piece)
        if self._marks:
            return category not in _UNSEEN
        return category[0] in "LN"


_WORDS = _Table(marks=False)
_PLAIN = _Table(marks=True)
