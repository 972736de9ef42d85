"""Hold a sentence in both languages, and name the characters that texts may not contain."""

import re
from dataclasses import dataclass

UNFIT = re.compile("[\0\ud800-\udfff]")
"""NUL, and half a surrogate pair, which no UTF-8 can write: neither can be stored."""
CONTROL = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Characters that would forge lines of logs and lists, and `UNFIT`."""


@dataclass(frozen=True)
class Sentence:
    """The same in two languages: for whoever operates, and for the page."""

    english: str
    chinese: str
