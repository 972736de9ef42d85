"""Finds the words of all lists in one pass over a text, however many there are (Aho-Corasick)."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import ahocorasick

from serving.content.characters import SENTENCE_MARKS, word_form, word_origins
from serving.content.settings import WordList


@dataclass(frozen=True)
class Hit:
    """A word of a list in a text.

    Attributes
    ----------
    list : str
        Name of the list.
    start, end : int
        Its place in the text as it was written.
    split : bool
        Whether a sentence mark stands within: it may be two sentences that happen to meet.
    """

    list: str
    start: int
    end: int
    split: bool


@dataclass(frozen=True)
class _Entry:
    """A word or an allowed phrase of a list, in the form it is looked for."""

    list: str
    form: str
    allows: bool


class Words:
    """All lists, ready to be looked for.

    Parameters
    ----------
    lists : Mapping[str, WordList]
        By name.
    """

    def __init__(self, lists: Mapping[str, WordList]) -> None:
        self._automaton = ahocorasick.Automaton()
        for form, entries in _entries(lists).items():
            self._automaton.add_word(form, entries)
        self._empty = not len(self._automaton)
        if not self._empty:
            self._automaton.make_automaton()

    def find(self, text: str) -> list[Hit]:
        """Every word that is no part of a longer one of its list or of an allowed phrase."""
        if self._empty:
            return []
        form = word_form(text)
        found = list(self._automaton.iter(form))
        if not found:
            return []
        origins = word_origins(text)
        allowed: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        hits: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        split: dict[tuple[int, int], bool] = {}
        for last, entries in found:
            for entry in entries:
                span = last + 1 - len(entry.form), last + 1
                if not _stands_alone(form, origins, *span):
                    continue
                split[span] = not SENTENCE_MARKS.isdisjoint(text[origins[span[0]] : origins[last]])
                if not entry.allows:
                    hits[entry.list].append(span)
                elif not split[span]:
                    allowed[entry.list].append(span)
        return [
            Hit(name, origins[start], origins[end - 1] + 1, split[start, end])
            for name, spans in hits.items()
            for start, end in _outermost(spans, allowed[name])
        ]


def _entries(lists: Mapping[str, WordList]) -> dict[str, tuple[_Entry, ...]]:
    """What is looked for: each form once, with all that it means."""
    entries: defaultdict[str, dict[_Entry, None]] = defaultdict(dict)
    for name, one in lists.items():
        for words, allows in ((one.words, False), (one.allowed, True)):
            for word in words:
                form = word_form(word)
                entries[form][_Entry(name, form, allows)] = None
    return {form: tuple(found) for form, found in entries.items()}


def _stands_alone(form: str, origins: list[int], start: int, end: int) -> bool:
    """Whether a span that begins or ends with a Latin letter or a digit does not cut a word."""
    before = form[start - 1] if start and origins[start] - origins[start - 1] <= 1 else ""
    after = form[end] if end < len(form) and origins[end] - origins[end - 1] <= 1 else ""
    return not (_one_word(before, form[start]) or _one_word(form[end - 1], after))


def _one_word(left: str, right: str) -> bool:
    if not (left.isascii() and right.isascii()):
        return False
    return (left.isalpha() and right.isalpha()) or (left.isdigit() and right.isdigit())


def _outermost(
    spans: Iterable[tuple[int, int]], allowed: list[tuple[int, int]]
) -> Iterator[tuple[int, int]]:
    """The spans that lie within no other and within no allowed one, from left to right."""
    # At the same place the allowed phrase first, then the longer: it covers what comes after.
    marked = [(start, -end, False) for start, end in allowed]
    marked += [(start, -end, True) for start, end in spans]
    covered = 0
    for start, end, is_hit in sorted(marked):
        if -end <= covered:
            continue
        covered = -end
        if is_hit:
            yield start, -end
