"""Names that a condition may hold: columns and segments, with their labels, units and values."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Literal

from features.conditions import ALIASES, WIDE_OFFSET, WIDE_SIGNS
from features.errors import InputError, UnknownNameError, similar_names, suggestions

Kind = Literal["number", "text", "yes or no", "date"]
LISTED = 5


@dataclass(frozen=True)
class Column:
    """A column that conditions may test.

    Attributes
    ----------
    name, label : str
        Name in the files, and Chinese label.
    kind : {"number", "text", "yes or no", "date"}
        Kind of its values.
    synonyms : tuple of str
        Further labels, such as the heading of a list.
    unit : str
        Chinese unit of a number, such as 天; empty: it has none.
    codes : mapping of value to str
        Value -> Chinese label, if its values are a closed set; otherwise empty.
    values : callable of () to collection of str, optional
        Returns the values that customers have, if the set is not closed but asked for from data.
    is_share : bool
        Whether a number may be written in per cent.
    lowest, highest : float or None
        Bounds that no value can pass.
    """

    name: str
    label: str
    kind: Kind
    synonyms: tuple[str, ...] = ()
    unit: str = ""
    codes: Mapping[str | int, str] = field(default_factory=dict)
    values: Callable[[], Collection[str]] | None = None
    is_share: bool = False
    lowest: float | None = None
    highest: float | None = None

    @property
    def phrases(self) -> tuple[str, ...]:
        """All that it may be called by."""
        return tuple(dict.fromkeys([self.name, self.label, *self.synonyms]))


@dataclass(frozen=True)
class SegmentWords:
    """A segment that conditions may name: its Chinese label, and its rule in plain form."""

    label: str
    rule: str


@dataclass(frozen=True)
class Vocabulary:
    """The columns and the segments that a condition may name, by name."""

    columns: Mapping[str, Column]
    segments: Mapping[str, SegmentWords] = field(default_factory=dict)

    @cached_property
    def rules(self) -> dict[str, str]:
        """The rules of the segments by name, as `compile_condition` takes them."""
        return {name: segment.rule for name, segment in self.segments.items()}

    @cached_property
    def names(self) -> dict[str, list[str]]:
        """Folded phrase -> the columns and segments that are called so."""
        names: dict[str, list[str]] = {}
        for phrase, name in self._phrases():
            called = names.setdefault(folded(phrase), [])
            if name not in called:
                called.append(name)
        # A name in full is meant before a label or an alias that reads the same.
        for name in (*self.columns, *self.segments):
            names[folded(name)] = [name]
        return names

    @cached_property
    def by_first(self) -> dict[str, list[str]]:
        """First character -> folded phrases that begin with it, the longest first."""
        phrases: dict[str, list[str]] = {}
        for phrase in sorted(self.names, key=len, reverse=True):
            phrases.setdefault(phrase[0], []).append(phrase)
        return phrases

    def _phrases(self) -> Iterator[tuple[str, str]]:
        for alias, name in ALIASES.items():
            if name in self.columns:
                yield alias, name
        for name, column in self.columns.items():
            yield from ((phrase, name) for phrase in column.phrases)
        for name, segment in self.segments.items():
            yield from ((phrase, name) for phrase in (name, segment.label))

    def resolve(self, phrase: str) -> str:
        """Return the name of the column or segment that is called by a phrase.

        Raises
        ------
        GuanjiaError
            If several are called so, or none is; the error lists those that may be meant.
        """
        names = self.names.get(folded(phrase), [])
        if len(names) == 1:
            return names[0]
        if names:
            meant = [*map(self.describe, names)]
            shared, write = f"“{phrase}”是几个标签共同的名字", f"请写明是哪一个：{'、'.join(meant)}"
            raise InputError(
                "condition",
                f"names {phrase}, which several are called",
                f"write the one that is meant: {', '.join(meant)}",
                chinese=("条件", shared, write),
            )
        cure, chinese_cure = self._suggestions(phrase)
        chinese = f"标签 {phrase}", "不存在", chinese_cure
        raise UnknownNameError(f"column {phrase}", "is not known", cure, chinese=chinese)

    def describe(self, name: str) -> str:
        """Return a name with its label, such as `renewal (续保概率)`."""
        named = self.columns.get(name) or self.segments[name]
        return f"{name} ({named.label})"

    def label(self, name: str) -> str:
        """Return the label of a column or segment; its name, where the label is not its alone."""
        label = (self.columns.get(name) or self.segments[name]).label
        return label if self.names[folded(label)] == [name] else name

    def _suggestions(self, phrase: str) -> tuple[str, str]:
        """Suggest what a phrase may mean, in English and in Chinese."""
        text = folded(phrase)
        around = [known for known in self.names if len(text) > 1 and text in known]
        alike = sorted(around, key=len) or similar_names(text, self.names)
        names = dict.fromkeys(name for known in alike for name in self.names[known])
        if not names:
            known = [*self.columns, *self.segments]
            labels = [*map(self.label, known)]
            return suggestions(phrase, known)[0], suggestions(phrase, labels)[1]
        meant = [*map(self.describe, [*names][:LISTED])]
        return f"did you mean {', '.join(meant)}?", f"是不是 {'、'.join(meant)}？"


@lru_cache(maxsize=8_192)
def folded(text: str) -> str:
    """Fold full-width signs, quotes and capital letters, character by character.

    Examples
    --------
    >>> folded("Ｓｔａｒ　≥３，“赔款（已决）”")
    'star ≥3,"赔款(已决)"'
    """
    return "".join(_FOLDED.get(sign) or _folded(sign) for sign in text)


def _folded(sign: str) -> str:
    if "\uff01" <= sign <= "\uff5e":
        sign = chr(ord(sign) - WIDE_OFFSET)
    lower = sign.lower()
    return lower if len(lower) == 1 else sign


_FOLDED = {
    **{sign: plain for sign, plain in WIDE_SIGNS.items() if len(plain) == 1},
    **dict.fromkeys("“”„「」『』", '"'),
    "\u3000": " ",
    "，": ",",
    "；": ";",
    "。": ".",
}
