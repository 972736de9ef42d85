"""Spell Chinese words in pinyin: some systems name their columns `baodanhao` or `BDH`."""

import tomllib
from functools import cache
from pathlib import Path


@cache
def _syllables() -> dict[str, str]:
    """Return the syllable of every character of our words."""
    text = Path(__file__).with_name("pinyin.toml").read_text(encoding="utf-8")
    return {
        character: syllable
        for syllable, characters in tomllib.loads(text)["syllables"].items()
        for character in characters
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
