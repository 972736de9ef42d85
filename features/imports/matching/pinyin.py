"""Spell Chinese words in pinyin: some systems name their columns `baodanhao` or `BDH`."""

from functools import cache
from pathlib import Path

from features.declared import read_toml


@cache
def _syllables() -> dict[str, str]:
    """Return the syllable of every character of our words."""
    table = read_toml(Path(__file__).with_name("pinyin.toml"))["syllables"]
    return {
        character: syllable for syllable, characters in table.items() for character in characters
    }


def spell(word: str) -> tuple[str, ...]:
    """Return the syllables of a Chinese word; none if a character of it is not in the table.

    Examples
    --------
    >>> spell("保单号"), spell("VIN码")
    (('bao', 'dan', 'hao'), ())
    """
    known = _syllables()
    return tuple(known[sign] for sign in word) if all(sign in known for sign in word) else ()


@cache
def spellings(word: str) -> tuple[str, str]:
    """Return a word in whole syllables and in their first letters; two empty texts: unknown.

    Examples
    --------
    >>> spellings("起保日期")
    ('qibaoriqi', 'qbrq')
    """
    syllables = spell(word)
    return "".join(syllables), "".join(syllable[0] for syllable in syllables)
