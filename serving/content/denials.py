"""Tell whether a text speaks against a word that it names: who warns of something names it too."""

from functools import cached_property

from serving.content.characters import word_form
from serving.content.settings import Denials

REACH = 6
"""Letters and digits before a word in which it is denied."""
_WRITTEN = 40


class Denied:
    """The denials of a text, looked for when first asked about.

    Parameters
    ----------
    text : str
        As written.
    denials : Denials
        What speaks against a word before it, and anywhere.
    """

    def __init__(self, text: str, denials: Denials) -> None:
        self._text, self._denials = text, denials

    def at(self, start: int, end: int) -> bool:
        """Check whether the text speaks against what stands from `start` to `end`."""
        before = word_form(self._text[max(0, start - _WRITTEN) : start])[-REACH:]
        if any(word in before for word in self._denials.before):
            return True
        # What is a part of the word itself denies nothing.
        first, last = self._anywhere
        return first <= start or last >= end

    @cached_property
    def _anywhere(self) -> tuple[int, int]:
        """Where the first of the words that deny anywhere ends, and where the last begins."""
        places = [
            (self._text.find(word) + len(word), self._text.rfind(word))
            for word in self._denials.anywhere
            if word in self._text
        ]
        ends, begins = zip(*places, strict=True) if places else ((len(self._text) + 1,), (-1,))
        return min(ends), max(begins)
