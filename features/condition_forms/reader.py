"""Read a condition as people type it: Chinese or English names, full-width signs, units, quotes.

The text is read from left to right, and what may stand at a place decides how it is read: a name
where a column is due, a value of that column after a comparison. Nothing of the text goes on but
names and values that were recognised.
"""

import re
from collections.abc import Callable, Iterable
from typing import Literal

from features.condition_forms.cursor import Cursor
from features.condition_forms.faults import (
    KIND_LABELS,
    compared_with_null,
    null_segment,
    number_with_commas,
    open_quote,
    too_deep,
    too_long,
    unlike,
    unreadable,
)
from features.condition_forms.keywords import KEYWORDS
from features.condition_forms.structure import (
    COMPARISONS,
    DEEPEST,
    STATES,
    Member,
    Structure,
    Test,
    Value,
    group,
    negate,
)
from features.condition_forms.values import (
    MULTIPLES,
    UNITS,
    checked,
    number,
    refuse_order,
    text_value,
)
from features.condition_forms.vocabulary import Column, Vocabulary, folded
from features.conditions import LONGEST
from features.errors import GuanjiaError, InputError

NUMBER = re.compile(r"[+-]?(\d+(\.\d+)?|\.\d+)(e[+-]?\d{1,2})?(?![.\d])")
THOUSANDS = re.compile(r"\d{1,3}(,\d{3})+(?!\d)")
QUOTES = ("'", '"')
WORD = re.compile(r"[\w%.]+")
FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
SHOWN = 20


def read_text(text: str, vocabulary: Vocabulary) -> Structure:
    """Read a condition as it was typed.

    Parameters
    ----------
    text : str
        The condition, in plain form or as a Chinese input method writes it.
    vocabulary : Vocabulary
        The columns and segments that it may name.

    Raises
    ------
    GuanjiaError
        If the text is no condition, names what is unknown or ambiguous, or asks a closed set for a
        value that it does not hold; the error suggests the nearest.
    """
    if len(text) > LONGEST:
        raise too_long()
    return Reader(text, vocabulary).read()


class Reader(Cursor):
    """Reads parts of a condition; every method reads on from the place of the cursor."""

    depth = 0

    def read(self) -> Structure:
        structure = self.joined("any")
        if self.rest():
            raise self.fault()
        return structure

    def joined(self, kind: Literal["all", "any"]) -> Structure:
        inner: Callable[[], Structure] = self.denied
        if kind == "any":
            inner = self._all
        members = [inner()]
        while self.keyword("or" if kind == "any" else "and"):
            members.append(inner())
        return group(kind, members)

    def _all(self) -> Structure:
        return self.joined("all")

    def denied(self) -> Structure:
        """Read a part, or its contrary."""
        self.depth += 1
        if self.depth > DEEPEST:
            raise too_deep(DEEPEST)
        start = self.at
        # A name is longer than the 非 it may begin with: 非车险保单数.
        if self.keyword("not"):
            longest, self.at = self.at, start
            if self.name_end() <= longest:
                self.at = longest
                part = negate(self.denied())
            else:
                part = self.part()
        else:
            part = self.part()
        self.depth -= 1
        return part

    def part(self) -> Structure:
        """Read parentheses, a member of a segment, or a test."""
        if self.keyword("("):
            inner = self.joined("any")
            if not self.keyword(")"):
                raise self.fault()
            return inner
        end = self.name_end()
        if end:
            name = self.vocabulary.resolve(self.take(end))
            if name in self.vocabulary.segments:
                return self.member(name)
            return self.test(self.vocabulary.columns[name])
        return self.turned()

    def member(self, segment: str) -> Structure:
        """Read what may follow a segment: nothing, or that it is so or not."""
        operator = self.keyword("=", "<>", *STATES)
        member = Member(segment)
        if operator is None:
            return member
        if operator in ("=", "<>"):
            value = self.value(Column(segment, segment, "yes or no"))
            return member if (operator == "=") == value else negate(member)
        if operator.endswith("null"):
            raise null_segment(segment, self.vocabulary.label(segment))
        return member if operator in ("is true", "is not false") else negate(member)

    def test(self, column: Column) -> Structure:
        """Read what is asked of a column."""
        operator = self.keyword(*COMPARISONS, "in", "not in", "between", "not between", *STATES)
        if operator is None:
            return self.without_operator(column)
        if operator in STATES:
            if "null" not in operator and column.kind != "yes or no":
                raise self.no_test(column)
            return Test(column.name, operator)
        if operator in ("in", "not in"):
            opened = self.keyword("(")
            values = self.values(column)
            # 在 7 到 30 天 之间, without parentheses, is a range.
            if not opened and len(values) == 1 and self.keyword("to"):
                values.append(self.value(column))
                operator = operator.replace("in", "between")
            if opened and not self.keyword(")"):
                raise self.fault()
            self.keyword("within")
            return self.checked(Test(column.name, operator, tuple(values)), column)
        if operator in ("between", "not between"):
            low = self.value(column)
            if not self.keyword("to"):
                raise self.fault()
            high = self.value(column)
            self.keyword("within")
            return self.checked(Test(column.name, operator, (low, high)), column)
        return self.compared(column, operator)

    def compared(self, column: Column, operator: str) -> Structure:
        end = self.name_end()
        if end and not self.is_value(column):
            name = self.vocabulary.resolve(self.take(end))
            other = self.vocabulary.columns.get(name)
            if other is None or other.kind != column.kind:
                kind = "a segment" if other is None else other.kind
                chinese_kind = "分群" if other is None else KIND_LABELS[other.kind]
                raise unlike(
                    f"compares {column.name} ({column.kind}) with {name} ({kind})",
                    f"把{column.label}（{KIND_LABELS[column.kind]}）与"
                    f"{self.vocabulary.label(name)}（{chinese_kind}）相比",
                )
            return self.checked(Test(column.name, operator, other=name), column)
        start = self.skip()
        if column.kind == "number" and (match := THOUSANDS.match(self.text, start)):
            raise number_with_commas(match.group())
        values = self.values(column)
        if len(values) > 1:
            if operator not in ("=", "<>"):
                raise self.fault()
            operator = "in" if operator == "=" else "not in"
            return self.checked(Test(column.name, operator, tuple(values)), column)
        value = values[0]
        if operator == "<>" and isinstance(value, bool):
            operator, value = "=", not value
        return self.checked(Test(column.name, operator, value), column)

    def without_operator(self, column: Column) -> Structure:
        """Read a column of yes or no alone, or `星级 3 以上`."""
        if column.kind == "yes or no":
            return Test(column.name, "=", True)
        match = NUMBER.match(self.text, self.skip())
        if column.kind == "number" and match:
            value = self.value(column)
            bound = self.keyword("at least", "at most")
            if bound:
                operator = ">=" if bound == "at least" else "<="
                return self.checked(Test(column.name, operator, value), column)
            raise self.fault()
        if not self.rest() or self.ahead("and", "or", ")"):
            raise self.no_test(column)
        raise self.fault(f"after {column.label} ({column.name}) ")

    def turned(self) -> Structure:
        """Read a test that begins with its value: `0.5 < 续保概率`."""
        start = self.skip()
        match = NUMBER.match(self.text, start)
        if not match:
            word = WORD.match(self.text, start)
            if word:
                raise self.unknown(word.end())
            raise self.fault()
        self.at = match.end()
        while self.text[self.at : self.at + 1] == "%":
            self.at += 1
        end_of_value = self.at
        operator = self.keyword(*COMPARISONS)
        end = self.name_end() if operator else 0
        if operator is None or not end:
            self.at = start
            raise self.fault()
        name = self.vocabulary.resolve(self.take(end))
        if name not in self.vocabulary.columns:
            raise self.fault()
        column, after = self.vocabulary.columns[name], self.at
        self.at = start
        value = self.value(column)
        if self.at != end_of_value:
            raise self.fault()
        self.at = after
        if operator == "<>" and isinstance(value, bool):
            operator, value = "=", not value
        return self.checked(Test(name, FLIPPED.get(operator, operator), value), column)

    def values(self, column: Column) -> list[Value]:
        values = [self.value(column)]
        while self.keyword(","):
            values.append(self.value(column))
        return values

    def value(self, column: Column) -> Value:
        """Read a value of a column: in quotes, a number with its unit, or a word."""
        start = self.skip()
        if self.text[start : start + 1] in QUOTES:
            return text_value(self.quoted(), column)
        end = self.word_end(column)
        word = self.raw[start:end]
        if not word:
            where = f"where a value of {column.label} ({column.name}) is due, "
            raise self.fault(where, f"这里应写{column.label}的取值")
        match = NUMBER.match(self.text, start)
        if match and column.kind not in {"text", "date"}:
            return self.amount(match, column)
        if folded(word) in ("null", "空"):
            raise compared_with_null(column.label)
        if column.kind == "number" and not column.codes:
            named = self.name_end()
            self.at = start
            if named:
                raise unreadable(
                    f"lists the column {word} among values", f"把标签 {word} 写在了取值里"
                )
            where = f"where a number of {column.label} is due, "
            raise self.fault(where, f"这里应写{column.label}的数字")
        self.at = end
        return text_value(word, column)

    def amount(self, match: re.Match[str], column: Column) -> Value:
        """Read a number with its multiple and unit, such as 10万元 or 60%."""
        self.at, multiple = match.end(), ""
        self.skip()
        if not (column.unit and self.text.startswith(column.unit, self.at)):
            multiple = self.longest(MULTIPLES)
        unit = self.longest({*UNITS, column.unit})
        if not multiple and not unit:
            self.at = match.end()
        if not self.follows(self.at):
            self.at = match.start()
            raise self.fault()
        return checked(number(match.group(), multiple, unit, column), column)

    def longest(self, words: Iterable[str]) -> str:
        """Read the longest of these words that stands right here; empty: none does."""
        standing = (word for word in words if self.text.startswith(word, self.at))
        word = max(standing, key=len, default="")
        self.at += len(word)
        return word

    def quoted(self) -> str:
        """Read a text in quotes; a quote in it is written twice."""
        mark, start = self.text[self.at], self.at + 1
        end = start
        while True:
            end = self.text.find(mark, end)
            if end < 0:
                raise open_quote()
            if self.text[end + 1 : end + 2] != mark or self.raw[end] in "”’」』":
                break
            end += 2
        self.at = end + 1
        inner = self.raw[start:end]
        return inner.replace(mark * 2, mark)

    def checked(self, test: Test, column: Column) -> Test:
        refuse_order(test, column)
        return test

    def fault(self, where: str = "", chinese: str = "") -> InputError:
        """Make the error of a text that cannot be read on; it may say what is due here."""
        rest = self.raw[self.skip() :].strip()
        at = f"at '{rest[:SHOWN]}'" if rest else "at its end"
        place = f"从“{rest[:SHOWN]}”起读不懂" if rest else "到末尾还不完整"
        return unreadable(f"cannot be read {where}{at}", "，".join(filter(None, [place, chinese])))

    def unknown(self, end: int) -> GuanjiaError:
        start = self.skip()
        word = self.raw[start:end]
        keywords = (kind for kind in KEYWORDS if kind not in ("to", "within"))
        for place in range(start + 1, end):
            if self.match_keyword(place, tuple(keywords))[0] and not word.isascii():
                word = self.raw[start:place]
                break
        try:
            self.vocabulary.resolve(word)
        except GuanjiaError as error:
            return error
        return self.fault()

    def no_test(self, column: Column) -> InputError:
        return unreadable(
            f"is no comparison: {column.label} ({column.name}) is {column.kind}",
            f"只写了{column.label}（{KIND_LABELS[column.kind]}），没有写怎样比较",
        )
