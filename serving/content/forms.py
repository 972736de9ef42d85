"""Read a text in the form that a pattern asks for, and locate what is number in it as written."""

import re
from collections.abc import Callable

from serving.content.characters import (
    address_form,
    address_origins,
    plain_form,
    plain_origins,
    word_form,
    word_origins,
)
from serving.content.settings import Form

_LOOK_ALIKES = str.maketrans("oil洞拐勾两俩叄参", "0110792233")
_DIGIT = "[0-9oil洞拐勾两俩叄参]"
_FILLER = (
    "(?:转|杠|横杠?|竖|丨|空格?|点|减|加|接|再打?|然后|到|至|和|与|跟|换|下|"
    "中间[4位]{0,2}|后[4位]{1,2}|后面|最后)"
)
_PIECE = re.compile(f"{_FILLER}|(?P<digit>{_DIGIT})")
_NUMBER = re.compile(f"{_DIGIT}(?:{_FILLER}?{_DIGIT})+")
_FEWEST_DIGITS = 3


class Reading:
    """A text in one form; where its characters come from is computed when first asked for.

    Parameters
    ----------
    text : str
        As written.
    form : {"written", "plain", "address", "letters", "digits"}
        How to read it.
    """

    def __init__(self, text: str, form: Form) -> None:
        self.form, self._written = form, text
        self.text, self._locate = _FORMS[form](text)
        self._origins: list[int] | None = None

    def place(self, start: int, end: int) -> tuple[int, int]:
        """Find where a span of the form stands in the text as written."""
        if self._origins is None:
            self._origins = self._locate()
        return self._origins[start], self._origins[end - 1] + 1

    def cuts_number(self, at: int) -> bool:
        """Check whether a place lies between two digits that no mark divides."""
        if not (0 < at < len(self.text) and self.text[at - 1 : at + 1].isdigit()):
            return False
        first, last = self.place(at - 1, at + 1)
        # Letters that are read as digits may as well be a word beside a number.
        return last - first <= 2 and word_form(self._written[first:last]).isdigit()


_Read = tuple[str, Callable[[], list[int]]]


def _digits(text: str) -> _Read:
    """Read letters and digits, in numbers without what stands between and with look-alikes.

    Examples
    --------
    >>> _digits("电话l39转OO0l转2233, 3点")[0]
    '电话139000122333点'
    """
    letters, places = word_form(text), list[int]()
    pieces, end = [], 0
    for match in _NUMBER.finditer(letters):
        number = match.group()
        if sum(character.isdigit() for character in number) < _FEWEST_DIGITS:
            continue
        digits = [
            piece.start() for piece in _PIECE.finditer(letters, *match.span()) if piece["digit"]
        ]
        places += [*range(end, match.start()), *digits]
        pieces += [letters[end : match.start()], "".join(letters[at] for at in digits)]
        end = match.end()
    places += range(end, len(letters))
    pieces.append(letters[end:])
    for at in range(1, len(pieces), 2):
        pieces[at] = pieces[at].translate(_LOOK_ALIKES)

    def locate() -> list[int]:
        origins = word_origins(text)
        return [origins[place] for place in places]

    return "".join(pieces), locate


_FORMS: dict[Form, Callable[[str], _Read]] = {
    "written": lambda text: (text, lambda: list(range(len(text)))),
    "plain": lambda text: (plain_form(text), lambda: plain_origins(text)),
    "address": lambda text: (address_form(text), lambda: address_origins(text)),
    "letters": lambda text: (word_form(text), lambda: word_origins(text)),
    "digits": _digits,
}
