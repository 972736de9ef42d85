"""Walk through the text of a condition: keywords, names, and where values end."""

import re

from features.condition_forms.faults import condition_fault
from features.condition_forms.keywords import KEYWORDS
from features.condition_forms.vocabulary import Column, Vocabulary, folded

BARE = re.compile(r"[^\s,()<>=!'\"&|;~≥≤≠≧≦]+")
STRONG = re.compile("并且|而且|同时|且|或者|或是|或")
AFTER_VALUE = ("and", "or", "to", "within", "at least", "at most", ")", ",")


class Cursor:
    """A place in the text of a condition; methods that read move it on.

    Parameters
    ----------
    text : str
        The condition as it was typed.
    vocabulary : Vocabulary
        The names to recognise.
    """

    def __init__(self, text: str, vocabulary: Vocabulary) -> None:
        self.raw, self.text = text, folded(text)
        self.vocabulary = vocabulary
        self.at = 0

    def skip(self) -> int:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1
        return self.at

    def rest(self) -> str:
        return self.text[self.skip() :]

    def take(self, end: int) -> str:
        start, self.at = self.skip(), end
        return self.raw[start:end]

    def keyword(self, *kinds: str) -> str | None:
        """Read one of these keywords, the longest that stands here; None: none does."""
        best, end = self.match_keyword(self.skip(), kinds)
        if best is not None:
            self.at = end
        return best

    def ahead(self, *kinds: str) -> bool:
        return self.match_keyword(self.skip(), kinds)[0] is not None

    def match_keyword(self, start: int, kinds: tuple[str, ...]) -> tuple[str | None, int]:
        best, longest = None, start
        for kind in kinds:
            for pattern in _PATTERNS[kind]:
                match = pattern.match(self.text, start)
                if match and match.end() > longest:
                    best, longest = kind, match.end()
        return best, longest

    def name_end(self) -> int:
        """Return where the longest name that stands here ends; 0: none does."""
        start = self.skip()
        for phrase in self.vocabulary.by_first.get(self.text[start : start + 1], ()):
            end = start + len(phrase)
            if self.text.startswith(phrase, start) and self.is_boundary(end):
                return end
        mark = self.text[start : start + 1]
        if mark == '"':
            end = self.text.find(mark, start + 1)
            if end > 0 and self.text[start + 1 : end] in self.vocabulary.names:
                raise condition_fault(
                    "has a name in quotes",
                    "write it without quotes",
                    "标签名写在了引号里",
                    "请去掉引号",
                )
        return 0

    def is_boundary(self, end: int) -> bool:
        """Check that a word of Latin letters and digits does not go on."""
        around = self.text[end - 1 : end + 1]
        return len(around) < 2 or not all(re.fullmatch("[a-z0-9_]", sign) for sign in around)

    def is_value(self, column: Column) -> bool:
        """Check whether what stands here is a value of the column before it is a name."""
        start = self.skip()
        values = {*map(str, column.codes), *column.codes.values()}
        if column.kind == "yes or no":
            values |= {"true", "false", "是", "否"}
        if column.values is not None:
            values |= {*column.values()}
        return any(folded(value) == self.text[start : self.word_end(column)] for value in values)

    def word_end(self, column: Column) -> int:
        """Return where the bare word of a value ends: a known value in full, or the next sign."""
        start = self.skip()
        values = [*map(str, column.codes), *column.codes.values()]
        values += column.values() if column.values is not None else []
        lengths = (
            len(value)
            for value in values
            if value and self.text.startswith(folded(value), start)
            and self.follows(start + len(value))
        )  # fmt: skip
        longest = max(lengths, default=0)
        if longest:
            return start + longest
        match = BARE.match(self.text, start)
        if not match:
            return start
        strong = STRONG.search(self.text, start, match.end())
        return strong.start() if strong and strong.start() > start else match.end()

    def follows(self, place: int) -> bool:
        """Check that what stands at a place may follow a value."""
        sign = self.text[place : place + 1]
        return (
            not sign
            or sign.isspace()
            or self.match_keyword(place, AFTER_VALUE)[0] is not None
            or sign in "<>=!≥≤≠≧≦"
        )


def _pattern(word: str) -> re.Pattern[str]:
    spaced = r"\s+".join(map(re.escape, word.split()))
    return re.compile(
        rf"{spaced}(?![a-z0-9_])" if word[-1].isalpha() and word.isascii() else spaced
    )


_PATTERNS = {kind: [_pattern(word) for word in words] for kind, words in KEYWORDS.items()}
