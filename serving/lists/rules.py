"""Name the rules that take customers off a list, in the order in which they are asked.

Each customer who is not sent is taken by exactly one rule, the first that holds: the numbers of a
waterfall add up.
"""

from collections.abc import Mapping
from dataclasses import dataclass

NO_CONSENT, NO_PROFILING, OPTED_OUT = (
    "no marketing consent",
    "profiling refused",
    "channel refused or opted out",
)
HOLDOUT = "in the holdout"


@dataclass(frozen=True)
class Rule:
    """A rule that takes customers off a list.

    Attributes
    ----------
    name : str
        Name in answers: "consent".
    chinese, english : str
        In words.
    """

    name: str
    chinese: str
    english: str


RULES: Mapping[str, Rule] = {
    rule.name: rule
    for rule in (
        Rule("erased", "个人信息已删除", "erased"),
        Rule("excluded", "属于排除名单或分群", "on a list or in a segment that is left out"),
        Rule("consent", "未同意营销", NO_CONSENT),
        Rule("profiling", "拒绝画像", NO_PROFILING),
        Rule("opted_out", "已拒绝或退订该渠道", OPTED_OUT),
        Rule("caps", "触达上限或冷静期", "contact caps or cooling off"),
        Rule("open_claim", "有未决赔案", "open claim"),
        Rule("open_complaint", "有未解决投诉", "open complaint"),
        Rule("reachable", "渠道不可触达", "not reached by the channel"),
        Rule("campaign", "已在优先活动中", "in a campaign of higher priority"),
        Rule("holdout", "对照组", HOLDOUT),
        Rule("low_value", "期望价值不足", "expected to earn too little"),
        Rule("capacity", "超出机构产能", "over the capacity of the branch"),
        Rule("size", "超出人数上限", "over the size"),
        Rule("budget", "超出预算", "over the budget"),
    )
}
"""By name, in the order of the waterfall."""
