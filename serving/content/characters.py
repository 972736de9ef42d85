"""Texts in one form, so that a word is found however it is written, and where it stood.

Two forms: of letters and digits alone, for words; with spaces and marks, for numbers and addresses.
Both are made by `str.translate` with a table that learns each character when it first meets it.
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
    """Letters and digits alone, in lower case, half width and simplified characters.

    Examples
    --------
    >>> word_form("返 現\\u200b"), word_form("ＶＸ：①三八"), word_form("1️⃣0️⃣0️⃣%")
    ('返现', 'vx138', '100')
    """
    return text.translate(_WORDS)


def plain_form(text: str) -> str:
    """The same with its spaces and marks; what cannot be seen is gone.

    Examples
    --------
    >>> plain_form("ＷＷＷ．a\\u200bbc。ｃｏｍ 一三八")
    'www.abc。com 138'
    """
    return text.translate(_PLAIN)


def word_origins(text: str) -> list[int]:
    """For each character of `word_form(text)`, the place in `text` it comes from."""
    return [place for place, one in enumerate(text) for _ in _WORDS[ord(one)]]


def plain_origins(text: str) -> list[int]:
    """For each character of `plain_form(text)`, the place in `text` it comes from."""
    return [place for place, one in enumerate(text) for _ in _PLAIN[ord(one)]]


@cache
def _read() -> tuple[MappingProxyType[str, str], frozenset[str]]:
    """What counts as the same, and what is invisible though Unicode calls it a letter."""
    found = read_toml(CHARACTERS)
    pairs = [pair for table in found["same"].values() for pair in table.split()]
    same = {pair[0]: pair[1] for pair in pairs}
    unseen = frozenset(chr(int(code, 16)) for code in found["invisible"]["characters"])
    return MappingProxyType(same), unseen


class _Table(dict[int, str]):
    """What each character becomes, by its code."""

    def __init__(self, *, marks: bool) -> None:
        super().__init__()
        self._marks = marks

    def __missing__(self, code: int) -> str:
        same, unseen = _read()
        one = chr(code)
        if one in _SPACES:
            found = _SPACES[one] if self._marks else ""
        else:
            # Twice: folding the case of a letter may leave one with an accent of its own.
            folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", one).casefold())
            found = "".join(
                same.get(piece, piece)
                for piece in folded
                if one not in unseen and piece not in unseen and self._keeps(piece)
            )
        self[code] = found
        return found

    def _keeps(self, piece: str) -> bool:
        category = unicodedata.category(piece)
        if self._marks:
            return category not in _UNSEEN
        return category[0] in "LN"


_WORDS = _Table(marks=False)
_PLAIN = _Table(marks=True)
