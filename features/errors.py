"""Raise errors that users read: each names the thing, the fault and the cure.

An error that somebody at a page of the console can cause says the same in Chinese, where it is
raised (`docs/adr/0058-errors-in-two-languages.md`).
"""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, Self

LISTED_IN_FULL = 12
"""Names that an error lists at most; of more it shows the first."""
Words = tuple[str, str, str]
"""Thing, fault and cure."""
KIND_LABELS: Mapping[str, str] = {
    "account manager": "客户经理",
    "branch": "机构",
    "channel": "触达方式",
    "column": "列",
    "decision point": "决策时机",
    "list": "名单",
    "model": "模型",
    "name": "名称",
    "role": "角色",
    "rule": "规则",
    "scope": "权限",
    "segment": "分群",
    "stage": "阶段",
    "tag": "标签",
    "touchpoint": "触点",
    "user": "用户",
}
"""Kind of a thing that a name may be unknown of -> its Chinese name."""


class GuanjiaError(Exception):
    """An error that the user can correct.

    Parameters
    ----------
    thing : str
        The thing that is wrong, named as the user knows it: a file, a column, a customer.
    fault : str
        What is wrong with it.
    cure : str
        What to do about it, as an instruction.
    chinese : (str, str, str), optional
        The same three in Chinese, without full stops. Required where a user of the console can
        cause the error.

    Examples
    --------
    >>> print(GuanjiaError("table claims", "has no file under raw/", "run `guanjia simulate`"))
    table claims: has no file under raw/. Run `guanjia simulate`.
    """

    def __init__(self, thing: str, fault: str, cure: str, *, chinese: Words | None = None) -> None:
        self.thing = thing
        self.fault = fault
        self.cure = cure
        self.chinese = chinese
        super().__init__(thing, fault, cure)

    @classmethod
    def of(cls, error: "GuanjiaError") -> Self:
        """Make an error of this class that says what another one says."""
        return cls(error.thing, error.fault, error.cure, chinese=error.chinese)

    def document(self) -> dict[str, Any]:
        """Return what it says, as a record keeps it; `GuanjiaError(**document)` says it again."""
        words = {"thing": self.thing, "fault": self.fault, "cure": self.cure}
        return words if self.chinese is None else {**words, "chinese": self.chinese}

    def __str__(self) -> str:
        cure = self.cure[:1].upper() + self.cure[1:]
        return (
            f"{self.thing}: {self.fault}. {cure if cure.endswith('?') else cure.rstrip('.') + '.'}"
        )


class InputError(GuanjiaError):
    """What somebody typed or sent cannot be taken."""


class UnknownNameError(GuanjiaError):
    """A name of a column, model, list or customer that does not exist."""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UnknownNameError:
    """Make the error for an unknown name, with similar names as its cure.

    Parameters
    ----------
    kind : str
        Kind of thing: "model", "column".
    name : str
        The name as it was written.
    known : iterable of str
        The known names.

    Examples
    --------
    >>> print(unknown_name("model", "chrun", ["churn", "renewal"]))
    model chrun: is not known. Did you mean churn?
    """
    cure, chinese_cure = suggestions(name, known)
    label = KIND_LABELS.get(kind)
    chinese = None if label is None else (f"{label} {name}", "不存在", chinese_cure)
    return UnknownNameError(f"{kind} {name}", "is not known", cure, chinese=chinese)


def not_a_number(field: str, text: str, label: str) -> InputError:
    """Make the error of a field of a form that should hold a number.

    Parameters
    ----------
    field, label : str
        Its name, and what the form calls it in Chinese.
    text : str
        What it holds.

    Examples
    --------
    >>> print(not_a_number("size", "many", "人数上限"))
    field size: has 'many'. Write a number.
    """
    chinese = f"“{label}”一项", f"填的是“{text}”", "请填数字"
    return InputError(f"field {field}", f"has {text!r}", "write a number", chinese=chinese)


def similar_names(name: str, known: Iterable[str], most: int = 3, least: float = 0.5) -> list[str]:
    """List the names that are spelt most like a name, the most similar first.

    Parameters
    ----------
    name : str
        The name as it was written.
    known : iterable of str
        The known names.
    most : int
        How many to list at most.
    least : float
        Similarity that a name has at least; 1: the same name.
    """
    return difflib.get_close_matches(name, list(known), n=most, cutoff=least)


def likeness(name: str, other: str) -> float:
    """Return how alike two names are: 0 to 1, the same name."""
    return difflib.SequenceMatcher(None, name, other).ratio()


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Suggest names for a misspelt one: up to three similar ones, else the known names.

    Parameters
    ----------
    name : str
        The name as it was written; case does not matter.
    known : iterable of str
        The known names, in the order in which to list them.

    Examples
    --------
    >>> did_you_mean("Chrun", ["churn", "renewal"])
    'did you mean churn?'
    >>> did_you_mean("weather", ["churn", "renewal"])
    'use one of churn, renewal'
    >>> did_you_mean("weather", [f"tag_{number}" for number in range(100)])
    'use one of tag_0, tag_1, tag_2, tag_3, tag_4, tag_5, tag_6, tag_7 and 92 others'
    """
    return suggestions(name, known)[0]


def suggestions(name: str, known: Iterable[str]) -> tuple[str, str]:
    """Suggest names for a misspelt one as `did_you_mean` does, in English and in Chinese.

    Examples
    --------
    >>> suggestions("Chrun", ["churn", "renewal"])
    ('did you mean churn?', '是不是 churn？')
    """
    # Sets have no order of their own, but the message must be the same every time.
    names = sorted(known) if isinstance(known, (set, frozenset)) else list(known)
    by_lower_case = {known_name.lower(): known_name for known_name in names}
    nearest = [by_lower_case[match] for match in similar_names(name.lower(), by_lower_case)]
    if nearest:
        return f"did you mean {', '.join(nearest)}?", f"是不是 {'、'.join(nearest)}？"
    if not names:
        return "there is none yet", "目前一个也没有"
    if len(names) > LISTED_IN_FULL:
        shown, others = names[:8], len(names) - 8
        return (
            f"use one of {', '.join(shown)} and {others} others",
            f"可选：{'、'.join(shown)} 等 {len(names)} 个",
        )
    return f"use one of {', '.join(names)}", f"可选：{'、'.join(names)}"
