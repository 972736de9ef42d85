"""Normalise texts, so that a word is found however it is written, and its place is known.

Three forms: letters and digits alone, for words and numbers; the same with the marks of an address;
with all spaces and marks. All come from `str.translate` with a table that computes each character
when it first meets it.
"""

import re
import unicodedata
from functools import cache
from pathlib import Path
from types import MappingProxyType

from features.declared import read_toml

CHARACTERS = Path(__file__).with_name("characters.toml")
SENTENCE_MARKS = frozenset("，,。｡！!？?；;：:、…\n\r")
SENTENCE_ENDS = frozenset("。｡！!？?；;\n\r")
ADDRESS_MARKS = frozenset(".。:/\\@_-")
_LATIN = re.compile(r"(?:LATIN|NEGATIVE|REGIONAL).*(?:LETTER|CAPITAL|SYMBOL) ([A-Z])(?: WITH .*)?")
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


def address_form(text: str) -> str:
    """Reduce a text to letters, digits and the marks of an address.

    Examples
    --------
    >>> address_form("看 w w w . a😀bc . ｃｏｍ/1, 好")
    '看www.abc.com/1好'
    """
    return text.translate(_ADDRESSES)


def word_origins(text: str) -> list[int]:
    """List, for each character of `word_form(text)`, the place in `text` it comes from."""
    return _origins(text, _WORDS)


def address_origins(text: str) -> list[int]:
    """List, for each character of `address_form(text)`, the place in `text` it comes from."""
    return _origins(text, _ADDRESSES)


def plain_origins(text: str) -> list[int]:
    """List, for each character of `plain_form(text)`, the place in `text` it comes from."""
    return _origins(text, _PLAIN)


def _origins(text: str, table: "_Table") -> list[int]:
    return [place for place, character in enumerate(text) for _ in table[ord(character)]]


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

    def __init__(self, marks: frozenset[str] | None) -> None:
        super().__init__()
        self._marks = marks

    def __missing__(self, code: int) -> str:
        same, unseen = _read()
        character = chr(code)
        if character in _SPACES:
            replacement = _SPACES[character] if self._marks is None else ""
        else:
            # Twice: folding the case of a letter may leave one with an accent of its own.
            folded = unicodedata.normalize("NFKD", _known_shape(character)).casefold()
            pieces = unicodedata.normalize("NFKD", folded)
            replacement = "".join(
                same.get(piece, piece)
                for piece in map(_known_shape, pieces)
                if character not in unseen and piece not in unseen and self._keeps(piece)
            )
        self[code] = replacement
        return replacement

    def _keeps(self, piece: str) -> bool:
        category = unicodedata.category(piece[0])
        if self._marks is None:
            return category not in _UNSEEN
        return category[0] in "LN" or piece in self._marks


def _known_shape(character: str) -> str:
    """Name the plain letter or number that a character draws, by its name in Unicode.

    Examples
    --------
    >>> [_known_shape(character) for character in "❶⓫🅰🇦ɪø车"]
    ['1', '11', 'a', 'a', 'i', 'o', '车']
    """
    if character.isascii():
        return character
    if unicodedata.category(character) in ("Nd", "No"):
        number = unicodedata.numeric(character, 0.5)
        return str(int(number)) if number.is_integer() else character
    named = _LATIN.fullmatch(unicodedata.name(character, ""))
    return named[1].lower() if named else character


_WORDS = _Table(frozenset())
_ADDRESSES = _Table(ADDRESS_MARKS)
_PLAIN = _Table(None)
