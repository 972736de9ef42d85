"""Say what an experiment proves so far: one of six verdicts, with its reason in numbers.

Harm comes first, for it stops sending; then a mismatch of the arms, for nothing else can be read
then; then money. "Too early" and "too small to say" are verdicts like any other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import ndtri

from training.experiments.always_valid import Evidence
from training.experiments.interim import LookResult
from training.experiments.power import POWER
from training.experiments.sample_ratio import RatioCheck

Code = Literal["harms", "mismatch", "too_early", "too_small", "pays", "does_not_pay"]
LABELS: Mapping[Code, str] = {
    "harms": "有害，停止触达",
    "mismatch": "分组人数与抽签比例不符，结果不可用",
    "too_early": "为时尚早",
    "too_small": "样本不足，尚无结论",
    "pays": "划算",
    "does_not_pay": "不划算",
}


@dataclass(frozen=True)
class Verdict:
    """What is proven, and why.

    Attributes
    ----------
    code : str
        A key of `LABELS`.
    reason : str
        Why, with the figures, in Chinese.
    needed_units : int or None
        Units, both arms together, that would show a relevant gain four times in five; of
        "too_small" alone.
    """

    code: Code
    reason: str
    needed_units: int | None = None

    @property
    def label(self) -> str:
        """The verdict in Chinese."""
        return LABELS[self.code]


def judge(
    net: LookResult | None,
    ratio: RatioCheck,
    harms: Mapping[str, Evidence],
    relevant_gain: float,
) -> Verdict:
    """Judge an experiment by its arms, its harms and its net gain.

    Parameters
    ----------
    net : LookResult or None
        Yuan gained per unit treated, cost of contact taken off, with the interval of the look;
        None if nothing is ripe yet.
    ratio : RatioCheck
        Sizes of the arms, of all drawn.
    harms : mapping of str to Evidence
        Guards by Chinese name, such as 退订.
    relevant_gain : float
        Least net gain in yuan per unit that would matter, above 0; stated at launch.
    """
    for name, evidence in harms.items():
        if evidence.proven:
            return Verdict(
                "harms",
                f"{name} {evidence.events:,} / {evidence.trials:,} = {evidence.rate:.2%}, "
                f"已证实高于上限 {evidence.limit:.2%}",
            )
    if ratio.mismatch:
        arm = min(ratio.arms, key=lambda size: size.p_value)
        return Verdict(
            "mismatch", f"{arm.arm} 组 {arm.rows:,} 人，按抽签比例应为 {arm.expected:,.0f} 人"
        )
    if net is None:
        return Verdict("too_early", "尚无保单到期满宽限期，没有成熟的结果")
    return _judge_gain(net, relevant_gain)


def _judge_gain(net: LookResult, relevant_gain: float) -> Verdict:
    """Judge the net gain by the interval of its look."""
    effect = net.effect
    interval = f"每户净收益 {effect.value:,.2f} 元（{effect.low:,.2f} 至 {effect.high:,.2f} 元）"
    if net.gains:
        return Verdict("pays", f"{interval}，区间全部高于 0")
    if net.loses:
        return Verdict("does_not_pay", f"{interval}，区间全部低于 0")
    if not net.last:
        return Verdict(
            "too_early",
            f"{interval}，第 {net.number} 次查看（共计划 {net.planned} 次），"
            f"信息量 {net.fraction:.0%}",
        )
    if effect.high < relevant_gain:
        return Verdict(
            "does_not_pay", f"{interval}，即使有收益也不足 {relevant_gain:,.2f} 元，不值得继续"
        )
    units = effect.treated + effect.control
    reach = (ndtri(0.975) + ndtri(POWER)) * effect.deviation
    needed = int(np.ceil(units * max((reach / relevant_gain) ** 2, 1.0)))
    return Verdict(
        "too_small",
        f"{interval}，要看清 {relevant_gain:,.2f} 元的收益约需 {needed:,} 户（现有 {units:,} 户）",
        needed,
    )
