"""Say in English and in Chinese what is wrong with a condition that somebody typed."""

from collections.abc import Mapping

from features.conditions import LONGEST
from features.errors import InputError

EXAMPLE = "write comparisons joined by and, or, not (且, 或, 非), such as 星级 >= 3 且 渠道 = 代理"
CHINESE_EXAMPLE = "请用“且”“或”“非”连接比较，例如：星级 >= 3 且 渠道 = 代理"
KIND_LABELS: Mapping[str, str] = {
    "number": "数字",
    "text": "文字",
    "yes or no": "是或否",
    "date": "日期",
}
"""Kind of a column -> its Chinese name."""


def condition_fault(fault: str, cure: str, chinese: str, chinese_cure: str) -> InputError:
    """Make the error of a condition.

    Parameters
    ----------
    fault, cure : str
        In English.
    chinese, chinese_cure : str
        The same in Chinese.
    """
    return InputError("condition", fault, cure, chinese=("条件", chinese, chinese_cure))


def unreadable(fault: str, chinese: str) -> InputError:
    """Make the error of a text that is no condition; its cure is an example."""
    return condition_fault(fault, EXAMPLE, chinese, CHINESE_EXAMPLE)


def too_long() -> InputError:
    """Make the error of a condition that is longer than any may be."""
    english, chinese = f"is longer than {LONGEST:,} characters", f"超过 {LONGEST:,} 个字"
    return condition_fault(english, "shorten it", chinese, "请写短一些")


def unlike(fault: str, chinese: str) -> InputError:
    """Make the error of a comparison of two columns that are not of one kind."""
    return condition_fault(fault, "compare columns of one kind", chinese, "请比较同一类的标签")


def compared_with_null(label: str) -> InputError:
    """Make the error of `= null` and the like, which no customer can meet."""
    return condition_fault(
        f"compares {label} with null, which is never true",
        "write is null or is not null (为空, 不为空)",
        f"把{label}与空值比较，永远不成立",
        "请写“为空”或“不为空”",
    )


def number_with_commas(number: str) -> InputError:
    """Make the error of a number such as 10,000."""
    plain = number.replace(",", "")
    fault = f"writes a number with commas, {number}"
    return condition_fault(fault, f"write {plain}", f"数字里有逗号：{number}", f"请写 {plain}")


def too_deep(levels: int) -> InputError:
    """Make the error of a condition with more levels of groups than it may have."""
    english, chinese = f"has more than {levels} levels", f"嵌套超过 {levels} 层"
    return condition_fault(english, "shorten it", chinese, "请减少层数")


def null_segment(segment: str, label: str) -> InputError:
    """Make the error of asking whether a segment is null."""
    fault, chinese = f"asks whether {segment} is null", f"问的是分群“{label}”是否为空"
    return condition_fault(fault, "it never is", chinese, "分群不会为空，请去掉这一条")


def open_quote() -> InputError:
    """Make the error of a quote that is opened and not closed."""
    english, chinese = "has a quote that is not closed", "有一个引号没有闭合"
    return condition_fault(english, "close it", chinese, "请补上引号")
