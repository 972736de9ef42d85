"""Find the words of all lists in one pass over a text, however many there are (Aho-Corasick)."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

import ahocorasick

from serving.content.characters import SENTENCE_ENDS, SENTENCE_MARKS, word_form, word_origins
from serving.content.settings import WordList
from serving.content.spellings import NUMBER, WIDEST_GAP, pieces


@dataclass(frozen=True)
class Hit:
    """A word of a list in a text.

    Attributes
    ----------
    list : str
        Name of the list.
    start, end : int
        Its place in the text as written.
    split : bool
        Whether a sentence mark stands inside: it may be two sentences that happen to meet.
    """

    list: str
    start: int
    end: int
    split: bool


@dataclass(frozen=True, eq=False)
class _Word:
    """A word or an allowed phrase of a list; of several pieces if there are gaps in it."""

    list: str
    allows: bool
    has_number: bool
    pieces: int


@dataclass(frozen=True)
class _Term:
    """A form that is searched for: a piece of a word, the only one if the word has no gap."""

    word: _Word
    place: int
    length: int
    ends_in_ascii: bool


_Spans = list[tuple[int, int]]


class WordMatcher:
    """Search texts for the words of all lists; created once, shared by threads.

    Parameters
    ----------
    lists : Mapping[str, WordList]
        By name.
    """

    def __init__(self, lists: Mapping[str, WordList]) -> None:
        self._automaton = ahocorasick.Automaton()
        self._hints = {name for name, words in lists.items() if words.hint}
        for form, terms in _terms(lists).items():
            self._automaton.add_word(form, terms)
        self._empty = not len(self._automaton)
        if not self._empty:
            self._automaton.make_automaton()

    def find(self, text: str) -> list[Hit]:
        """Find every word that is not part of a longer one of its list or of an allowed phrase."""
        if self._empty:
            return []
        form = word_form(text)
        matches = list(self._automaton.iter(form))
        if not matches:
            return []
        origins = word_origins(text)
        allowed: defaultdict[str, _Spans] = defaultdict(list)
        hits: defaultdict[str, _Spans] = defaultdict(list)
        parts: defaultdict[_Word, defaultdict[int, _Spans]]
        parts = defaultdict(lambda: defaultdict(list))
        for last, terms in matches:
            for term in terms:
                word, span = term.word, (last + 1 - term.length, last + 1)
                if term.ends_in_ascii and not _stands_alone(form, origins, *span, word.has_number):
                    continue
                if word.pieces > 1:
                    parts[word][term.place].append(span)
                elif not word.allows:
                    hits[word.list].append(span)
                elif SENTENCE_MARKS.isdisjoint(_between(text, origins, *span)):
                    allowed[word.list].append(span)
        complete = {word: places for word, places in parts.items() if len(places) == word.pieces}
        # Phrases that allow first: they cover pieces of words.
        for word, places in sorted(complete.items(), key=lambda pair: not pair[0].allows):
            covered = [] if word.allows else allowed[word.list]
            (allowed if word.allows else hits)[word.list] += [
                span
                for span in _join([places[place] for place in sorted(places)], covered)
                if SENTENCE_ENDS.isdisjoint(_between(text, origins, *span))
            ]
        outer = [
            Hit(
                name,
                origins[start],
                origins[end - 1] + 1,
                not SENTENCE_MARKS.isdisjoint(_between(text, origins, start, end)),
            )
            for name, spans in hits.items()
            for start, end in _outermost(spans, allowed[name])
        ]
        return _without_hints(outer, self._hints)


def _terms(lists: Mapping[str, WordList]) -> dict[str, tuple[_Term, ...]]:
    """Collect what is searched for: each form once, with all words it is a piece of."""
    terms: defaultdict[str, dict[tuple[str, bool, str, int], _Term]] = defaultdict(dict)
    for name, list_ in lists.items():
        for words, allows in ((list_.words, False), (list_.allowed, True)):
            for written in words:
                expanded = pieces(written)
                word = _Word(name, allows, NUMBER in written, len(expanded))
                gap = written if len(expanded) > 1 else ""
                for place, forms in enumerate(expanded):
                    for form in forms:
                        is_ascii = form[0].isascii() or form[-1].isascii()
                        term = _Term(word, place, len(form), is_ascii)
                        terms[form].setdefault((name, allows, gap, place), term)
    return {form: tuple(of_form.values()) for form, of_form in terms.items()}


def _without_hints(hits: list[Hit], hints: Collection[str]) -> list[Hit]:
    """Leave out the hits of hints that overlap another hit before them, or one of no hint."""
    remaining: list[Hit] = []
    covered, hits = -1, sorted(hits, key=lambda hit: (hit.start, hit.list in hints, -hit.end))
    ahead = [hit.start for hit in hits if hit.list not in hints]
    for hit in hits:
        if hit.list in hints:
            place = bisect_left(ahead, hit.start)
            if hit.start < covered or (place < len(ahead) and ahead[place] < hit.end):
                continue
        remaining.append(hit)
        covered = max(covered, hit.end)
    return remaining


def _between(text: str, origins: list[int], start: int, end: int) -> str:
    """Cut out the text as written from the first letter of a span to its last."""
    return text[origins[start] : origins[end - 1]]


def _join(places: list[_Spans], allowed: _Spans) -> _Spans:
    """Join the pieces of a word: each with the nearest before it, if the gap is not too wide."""
    joined = list(_outermost(places[0], allowed))
    for spans in places[1:]:
        longer, at = [], 0
        for start, end in _outermost(spans, allowed):
            while at < len(joined) and joined[at][1] <= start:
                at += 1
            if at and start - joined[at - 1][1] <= WIDEST_GAP:
                longer.append((joined[at - 1][0], end))
        joined = longer
    return joined


def _stands_alone(form: str, origins: list[int], start: int, end: int, any_number: bool) -> bool:
    """Check that a span does not cut a Latin word or a number at its ends.

    Parameters
    ----------
    form : str
        The text in letters and digits.
    origins : list of int
        Where each of them stands in the text as written.
    start, end : int
        The span in `form`.
    any_number : bool
        Whether a number may go on at its ends.
    """
    before = form[start - 1] if start and origins[start] - origins[start - 1] <= 1 else ""
    after = form[end] if end < len(form) and origins[end] - origins[end - 1] <= 1 else ""
    cuts = [(before, form[start]), (form[end - 1], after)]
    return not any(_one_word(*cut) and not (any_number and cut[0].isdigit()) for cut in cuts)


def _one_word(left: str, right: str) -> bool:
    if not (left.isascii() and right.isascii()):
        return False
    return (left.isalpha() and right.isalpha()) or (left.isdigit() and right.isdigit())


def _outermost(
    spans: Iterable[tuple[int, int]], allowed: list[tuple[int, int]]
) -> Iterator[tuple[int, int]]:
    """Select the spans that lie within no other and within no allowed one, from left to right."""
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
