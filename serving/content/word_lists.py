"""Find the words of all lists in one pass over a text, however many there are (Aho-Corasick)."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
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


@dataclass(frozen=True)
class _Term:
    """A form that is searched for, and what it stands for.

    Attributes
    ----------
    list : str
        Name of the list.
    form : str
        What is searched for.
    allows : bool
        Whether it is an allowed phrase.
    any_number : bool
        Whether a digit at its end may be one of a longer number.
    word : str
        The word with gaps that it is a piece of; empty: it is all of one.
    place : int
        Which piece it is, from 0.
    """

    list: str
    form: str
    allows: bool = False
    any_number: bool = False
    word: str = ""
    place: int = 0


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
        self._gaps = {
            (name, word): len(pieces(word))
            for name, one in lists.items()
            for word in one.words
            if len(pieces(word)) > 1
        }
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
        parts: defaultdict[tuple[str, str], defaultdict[int, _Spans]]
        parts = defaultdict(lambda: defaultdict(list))
        for last, terms in matches:
            for term in terms:
                span = last + 1 - len(term.form), last + 1
                if not _stands_alone(form, origins, *span, any_number=term.any_number):
                    continue
                if term.word:
                    parts[term.list, term.word][term.place].append(span)
                elif not term.allows:
                    hits[term.list].append(span)
                elif SENTENCE_MARKS.isdisjoint(_between(text, origins, *span)):
                    allowed[term.list].append(span)
        for (name, word), of_word in parts.items():
            if len(of_word) == self._gaps[name, word]:
                for span in _join([of_word[place] for place in sorted(of_word)], allowed[name]):
                    if SENTENCE_ENDS.isdisjoint(_between(text, origins, *span)):
                        hits[name].append(span)
        return [
            Hit(
                name,
                origins[start],
                origins[end - 1] + 1,
                not SENTENCE_MARKS.isdisjoint(_between(text, origins, start, end)),
            )
            for name, spans in hits.items()
            for start, end in _outermost(spans, allowed[name])
        ]


def _terms(lists: Mapping[str, WordList]) -> dict[str, tuple[_Term, ...]]:
    """Collect what is searched for: each form once, with all terms of that form."""
    terms: defaultdict[str, dict[_Term, None]] = defaultdict(dict)
    for name, list_ in lists.items():
        for word in list_.words:
            expanded = pieces(word)
            for place, forms in enumerate(expanded):
                of = word if len(expanded) > 1 else ""
                for form in forms:
                    term = _Term(name, form, any_number=NUMBER in word, word=of, place=place)
                    terms[form][term] = None
        for form in map(word_form, list_.allowed):
            terms[form][_Term(name, form, allows=True)] = None
    return {form: tuple(of_form) for form, of_form in terms.items()}


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


def _stands_alone(
    form: str, origins: list[int], start: int, end: int, *, any_number: bool = False
) -> bool:
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
