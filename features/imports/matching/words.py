"""Read headings word by word: what they are about, in whichever language or abbreviation.

A heading is cut into words (保险|起期, POLICY|NO, baodan|hao, versicherungs|beginn), each word
stands for meanings of `words.toml`.
"""

import re
import unicodedata
from collections.abc import Iterable
from collections.abc import Mapping as Map
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path

from features.declared import Declared, load_layered
from features.imports.matching.pinyin import spellings

ABBREVIATED, SPELLED, INITIALS = 0.04, 0.02, 0.12
"""What is taken off for an abbreviation, for pinyin and for its first letters."""
READINGS = 24
"""Readings of a heading that are looked at, where its words are ambiguous."""
CHINESE = re.compile(r"[一-鿿]+")
LONGEST = 4
"""Words of Latin letters that one meaning takes at most."""


class Words(Declared):
    """The content of `words.toml`.

    Attributes
    ----------
    words : mapping of str to str
        Meaning -> its words, separated by blanks.
    never : mapping of str to tuple of str
        `words`: meanings that no column has.
    columns : mapping of str to mapping of str to tuple of str
        Table -> column -> meanings that its headings have, the usual first.
    neutral : mapping of str to tuple of str
        Table -> meanings that say nothing there.
    """

    words: dict[str, str]
    never: dict[str, tuple[str, ...]]
    columns: dict[str, dict[str, tuple[str, ...]]]
    neutral: dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class Reading:
    """One way to understand a heading: its meanings, words of none, and what was guessed."""

    meanings: frozenset[str]
    strange: int
    guess: float


@cache
def known_words() -> Words:
    """Return the shipped words."""
    shipped = Path(__file__).with_name("words.toml")
    return load_layered(Words, shipped, manual="docs/import.md")


@cache
def _lexicon() -> dict[str, tuple[str, ...]]:
    """Return word -> meanings; words of several parts are joined by `_`."""
    meanings: dict[str, list[str]] = {}
    for meaning, words in known_words().words.items():
        for word in words.split():
            meanings.setdefault(plain(word), []).append(meaning)
    return {word: tuple(dict.fromkeys(listed)) for word, listed in meanings.items()}


def _meanings(word: str) -> tuple[str, ...]:
    """Return the meanings of a word, or of the word that it is the plural of."""
    lexicon = _lexicon()
    singular = next((word.removesuffix(end) for end in ("s", "es") if word.endswith(end)
                     and word.removesuffix(end) in lexicon), word)  # fmt: skip
    return lexicon.get(word) or lexicon.get(singular, ())


@cache
def _spelled(*, initials: bool) -> dict[str, tuple[str, ...]]:
    """Return the Chinese words in pinyin, or in its first letters, with their meanings."""
    meanings: dict[str, list[str]] = {}
    for word, listed in _lexicon().items():
        text = spellings(word)[initials] if CHINESE.fullmatch(word) else ""
        if text:
            meanings.setdefault(text, []).extend(listed)
    return {text: tuple(dict.fromkeys(listed)) for text, listed in meanings.items()}


def plain(text: str) -> str:
    """Write a text without accents, case and width.

    Examples
    --------
    >>> plain("Prämie"), plain("ＮＯ"), plain("Straße")
    ('pramie', 'no', 'strasse')
    """
    apart = unicodedata.normalize("NFKD", text).casefold()
    return "".join(sign for sign in apart if not unicodedata.combining(sign))


def parts_of(heading: str) -> list[str]:
    """Cut a heading where its writer did: at gaps, capitals, digits and changes of script.

    Examples
    --------
    >>> parts_of("policyNo"), parts_of("C_PLY_NO"), parts_of("车架号VIN码"), parts_of("SUMPremium")
    (['policy', 'no'], ['c', 'ply', 'no'], ['车架号', 'vin', '码'], ['sum', 'premium'])
    """
    text = re.sub(r"[(（\[【].*?[)）\]】]", " ", unicodedata.normalize("NFKC", heading))
    text = re.sub(r"(?<=[a-zà-ÿ])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", text)
    return re.findall(r"[一-鿿]+|[a-z]+", plain(text))


@cache
def readings_of(heading: str) -> tuple[Reading, ...]:
    """List the ways to understand a heading, the surest first."""
    parts = [part for part in parts_of(heading) if len(part) > 1 or CHINESE.match(part)]
    choices: list[tuple[Reading, ...]] = []
    place = 0
    while place < len(parts):
        size = next(
            (size for size in range(min(LONGEST, len(parts) - place), 0, -1)
             if _meanings("_".join(parts[place : place + size]))), 0,
        )  # fmt: skip
        if size and not CHINESE.match(parts[place]):
            meanings = _meanings("_".join(parts[place : place + size]))
            choices.append(tuple(Reading(frozenset({meaning}), 0, 0.0) for meaning in meanings))
        else:
            choices.append(_readings_of_part(parts[place]))
        place += max(1, size)
    combined = (_joined(chosen) for chosen in product(*choices))
    return tuple(reading for _, reading in zip(range(READINGS), combined, strict=False))


def _joined(readings: Iterable[Reading]) -> Reading:
    meanings, strange, guess = frozenset[str](), 0, 0.0
    for reading in readings:
        meanings |= reading.meanings
        strange += reading.strange
        guess = max(guess, reading.guess)
    return Reading(meanings - {"filler"}, strange, guess)


def _readings_of_part(part: str) -> tuple[Reading, ...]:
    """Read a part that is no word: Chinese, glued words, an abbreviation, pinyin."""
    if CHINESE.match(part):
        return _readings_of_cut(_cut(part, _lexicon(), complete=False), 0.0)
    glued = _cut(part, _latin_words(), complete=True)
    if glued and max(len(word) for word, _ in glued) > 2:
        return _readings_of_cut(glued, 0.0)
    short = _abbreviated(part)
    if short:
        return tuple(Reading(frozenset({meaning}), 0, ABBREVIATED) for meaning in short)
    for initials, cost in ((False, SPELLED), (True, INITIALS)):
        cut = _cut(part, _spelled(initials=initials), complete=True)
        if cut and (not initials or len(cut[0][0]) > 1):
            return _readings_of_cut(cut, cost)
    return (Reading(frozenset(), 1, 0.0),)


@cache
def _latin_words() -> dict[str, tuple[str, ...]]:
    return {
        word.replace("_", ""): listed
        for word, listed in _lexicon().items()
        if not CHINESE.match(word) and len(word) > 1
    }


def _cut(
    text: str, words: Map[str, tuple[str, ...]], *, complete: bool
) -> list[tuple[str, tuple[str, ...]]]:
    """Cut a text into words: as few letters of no word as can be, then as few words.

    Parameters
    ----------
    text : str
        Without gaps.
    words : mapping of str to tuple of str
        Word -> meanings.
    complete : bool
        True if no letter may be left over; then nothing is returned where one would be.
    """
    longest = max(map(len, words))
    best: list[tuple[int, int, list[tuple[str, tuple[str, ...]]]]] = [(0, 0, [])]
    for end in range(1, len(text) + 1):
        left, count, cut = best[end - 1]
        options = [(left + 1, count, [*cut, (text[end - 1], ())])]
        for start in range(max(0, end - longest), end):
            meanings = words.get(text[start:end])
            if meanings:
                left, count, cut = best[start]
                options.append((left, count + 1, [*cut, (text[start:end], meanings)]))
        best.append(min(options, key=lambda option: option[:2]))
    left, _, cut = best[-1]
    return [] if complete and left else cut


def _readings_of_cut(
    cut: Iterable[tuple[str, tuple[str, ...]]], guess: float
) -> tuple[Reading, ...]:
    """Choose one meaning for each word of a cut; letters of no word side by side count once."""
    listed, strange, before = [], 0, False
    for _, meanings in cut:
        if meanings:
            listed.append(meanings)
        strange += not meanings and not before
        before = not meanings
    readings = (Reading(frozenset(chosen), strange, guess) for chosen in product(*listed))
    return tuple(reading for _, reading in zip(range(READINGS), readings, strict=False))


@cache
def _abbreviated(part: str) -> tuple[str, ...]:
    """Return the meanings of words that a part abbreviates: its beginning, or without vowels."""
    listed: list[str] = []
    if len(part) < 3:
        return ()
    for word, meanings in _lexicon().items():
        if len(word) < 5 or CHINESE.match(word) or "_" in word or word[0] != part[0]:
            continue
        bare = word[0] + re.sub("[aeiou]", "", word[1:])
        if word.startswith(part) or part in (bare, re.sub(r"(.)\1+", r"\1", bare)):
            listed += meanings
    return tuple(dict.fromkeys(listed))
