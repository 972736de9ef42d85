"""List the words that join, deny and compare in a condition, in English and in Chinese.

以上, 以下 and 以内 include the number, as in law (民法典第一千二百五十九条); 超过 and 不满 do not.
"""

from collections.abc import Mapping

KEYWORDS: Mapping[str, tuple[str, ...]] = {
    "and": ("and", "且", "并且", "而且", "同时", "&&"),
    "or": ("or", "或", "或者", "或是", "||"),
    "not": ("not", "非", "不是", "并非", "不", "!"),
    "=": ("=", "==", "等于", "为", "是"),
    "<>": ("<>", "!=", "≠", "不等于", "不为", "不是"),
    "<=": ("<=", "≤", "≦", "小于等于", "小于或等于", "不大于", "不高于", "不超过", "不多于",
           "至多", "最多"),
    ">=": (">=", "≥", "≧", "大于等于", "大于或等于", "不小于", "不低于", "不少于", "至少", "最少"),
    "<": ("<", "小于", "低于", "少于", "不足", "不满", "不到"),
    ">": (">", "大于", "高于", "多于", "超过"),
    "in": ("in", "属于", "在"),
    "not in": ("not in", "不属于", "不在"),
    "between": ("between", "介于"),
    "not between": ("not between", "不介于"),
    "is null": ("is null", "为空", "是空", "无记录"),
    "is not null": ("is not null", "不为空", "不是空", "非空", "有记录"),
    "is true": ("is true", "确为是"),
    "is not true": ("is not true", "未确为是"),
    "is false": ("is false", "确为否"),
    "is not false": ("is not false", "未确为否"),
    "to": ("and", "和", "与", "到", "至", "~", "-"),
    "within": ("之间", "之中", "以内", "中", "内"),
    "at least": ("及以上", "或以上", "以上"),
    "at most": ("及以下", "或以下", "以下", "以内", "及以内"),
    "(": ("(",),
    ")": (")",),
    ",": (",",),
}  # fmt: skip
"""Kind of a keyword -> how it is written, folded."""
