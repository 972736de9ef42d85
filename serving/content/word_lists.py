"""Find the words of all lists in one pass over a text, however many there are (Aho-Corasick)."""

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
    """A word or an allowed phrase of a list, in the form that is searched for."""

    list: str
    form: str
    allows: bool


class WordMatcher:
    """Search texts for the words of all lists; created once, shared by threads.

    Parameters
    ----------
    lists : Mapping[str, WordList]
        By name.
    """

    def __init__(self, lists: Mapping[str, WordList]) -> None:
        self._automaton = ahocorasick.Automaton()
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
        allowed: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        hits: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        split: dict[tuple[int, int], bool] = {}
        for last, terms in matches:
            for term in terms:
                span = last + 1 - len(term.form), last + 1
                if not _stands_alone(form, origins, *span):
                    continue
                split[span] = not SENTENCE_MARKS.isdisjoint(text[origins[span[0]] : origins[last]])
                if not term.allows:
                    hits[term.list].append(span)
                elif not split[span]:
                    allowed[term.list].append(span)
        return [
            Hit(name, origins[start], origins[end - 1] + 1, split[start, end])
            for name, spans in hits.items()
            for start, end in _outermost(spans, allowed[name])
        ]


def _terms(lists: Mapping[str, WordList]) -> dict[str, tuple[_Term, ...]]:
    """Collect what is searched for: each form once, with all terms of that form."""
    terms: defaultdict[str, dict[_Term, None]] = defaultdict(dict)
    for name, list_ in lists.items():
        for words, allows in ((list_.words, False), (list_.allowed, True)):
            for word in words:
                form = word_form(word)
                terms[form][_Term(name, form, allows)] = None
    return {form: tuple(of_form) for form, of_form in terms.items()}


def _stands_alone(form: str, origins: list[int], start: int, end: int) -> bool:
    """Check that a span does not cut a Latin word or a number at its ends."""
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
