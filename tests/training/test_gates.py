"""The gates on literal figures: what holds, what fails, and what is too small to say."""

from dataclasses import replace
from datetime import date

import pytest

from training.evaluation.distances import Distance
from training.evaluation.paired import Difference, Gap, PairedFigures
from training.model_spec import PromotionBounds
from training.promotion.comparison import Comparison
from training.promotion.gates import judge

NONE = Difference(0.5, 0.5, 0.0, 0.0, 0.0, 0.0)
PERFECT = Distance(0.0, (0.0, 0.005), 0.01)
DAY = date(2026, 1, 1)


def differs(difference: float, low: float, high: float, deviation: float = 0.001) -> Difference:
    return Difference(0.5, 0.5 + difference, difference, low, high, deviation)


def group(value: str = "", loss: Difference = NONE, outcomes: int = 400) -> PairedFigures:
    named = "star" if value else ""
    return PairedFigures(named, value, 1000, 900, outcomes, 0.5, NONE, loss, NONE, PERFECT)


def found(overall: PairedFigures, *segments: PairedFigures, gaps=(), champion: str | None = "1"):
    return Comparison(
        "renewal",
        "续保概率",
        "probability",
        champion,
        "2",
        DAY,
        DAY,
        DAY,
        0,
        overall,
        list(segments),
        list(gaps),
    )


def verdict(gate: str, comparison: Comparison, gates: PromotionBounds = PromotionBounds()):  # noqa: B008
    (one,) = [one for one in judge(gates, comparison) if one.gate == gate]
    return one


# The base rate's log loss is 0.5, so the tolerance of 0.5% is 0.0025.
@pytest.mark.parametrize(
    ("difference", "low", "high", "against_champion", "against_base_rate"),
    [
        (-0.01, -0.02, -0.001, True, True),
        (0.0, -0.002, 0.0024, True, True),
        (0.0, -0.002, 0.0026, False, True),
        (0.004, 0.0026, 0.006, False, False),
    ],
)
def test_a_champion_must_be_matched_for_sure_the_base_rate_not_missed_for_sure(
    difference, low, high, against_champion, against_base_rate
):
    overall = group(loss=differs(difference, low, high))
    assert verdict("log loss", found(overall)).passed is against_champion
    assert verdict("log loss", found(overall, champion=None)).passed is against_base_rate


def test_a_first_version_with_few_outcomes_is_not_judged_and_says_so():
    overall = group(loss=differs(0.1, 0.09, 0.11), outcomes=29)
    one = verdict("log loss", found(overall, champion=None))
    assert (one.passed, one.sentence) == (
        True, "not judged: 29 outcomes in 1000 rows, fewer than 30",
    )  # fmt: skip
    assert not verdict("log loss", found(overall)).passed
    assert not verdict("log loss", found(replace(overall, outcomes=30), champion=None)).passed


def test_a_verdict_says_in_chinese_what_it_says_in_english():
    """A first version with a harmed segment and a misjudged group, figure for figure."""
    harmed = replace(group("5", differs(0.011, 0, 0, 0.0001)), dimension="channel", value="agent")
    gap = Gap("gender", "F", 1000, 900, 400, 0.08, 0.08, 0.08, 0.001)
    comparison = found(group(), group("4"), harmed, gaps=[gap])
    said = {one.gate: one.chinese for one in judge(PromotionBounds(), comparison)}
    assert said == {
        "log loss": "0.5000，在用版本 0.5000：相差基准率的 +0.00%（95% 区间 +0.00% 至 +0.00%），"
        "最多允许 +0.50%",
        "calibration": "校准误差 0.5000，在用版本 0.5000：相差 +0.0000"
        "（95% 区间 +0.0000 至 +0.0000），最多允许 +0.0100",
        "segments": "判断了 2 个分群，变差最多的是渠道 代理（+2.20%），"
        "超过基准率对数损失 +2.00% 的有：渠道 代理",
        "fairness": "按性别、年龄、地区判断了 1 组，偏差最大的是性别 女（0.0800），"
        "超过 0.0500 的有：性别 女",
    }
    none = {one.gate: one.chinese for one in judge(PromotionBounds(), found(group()))}
    assert none["segments"] == "没有一个分群的客户和结果多到可以判断"


def test_calibration_keeps_its_tolerance():
    for high, passed in ((0.0099, True), (0.0101, False)):
        overall = replace(group(), ece=Difference(0.01, 0.012, 0.002, -0.001, high, 0.002))
        assert verdict("calibration", found(overall)).passed is passed


def test_a_first_version_is_judged_by_its_own_calibration_error():
    """The base rate is far off in tenths of another's predictions: no bar to be below that."""
    for low, passed in ((0.0099, True), (0.0101, False)):
        own = Distance(0.02, (low, 0.03), 0.01)
        overall = replace(group(), challenger_ece=own, ece=differs(-0.1, -0.11, -0.09))
        one = verdict("calibration", found(overall, champion=None))
        assert one.passed is passed
        assert one.sentence.startswith(f"ECE 0.0200 ({low:+.4f} to +0.0300)")


# A segment is harmed beyond 2% of 0.5 and beyond chance: 3.59 deviations where 30 are judged.
@pytest.mark.parametrize(
    ("difference", "deviation", "passed"),
    [(0.009, 0.0001, True), (0.011, 0.0030, False), (0.011, 0.0031, True), (-0.2, 0.001, True)],
)
def test_no_segment_is_harmed_beyond_the_bound_and_beyond_chance(difference, deviation, passed):
    fine = [group(f"s{number}") for number in range(29)]
    bad = group("5", differs(difference, 0, 0, deviation))
    one = verdict("segments", found(group(), *fine, bad))
    assert one.passed is passed
    assert ("harmed: star 5 beyond" in one.sentence) is not passed
    few = group("5", differs(1.0, 0.9, 1.1, 0.001), outcomes=29)
    assert verdict("segments", found(group(), *fine, few)).passed


@pytest.mark.parametrize(
    ("gap", "deviation", "outcomes", "passed"),
    [(0.04, 0, 400, True), (-0.06, 0.02, 400, False), (0.06, 0.04, 400, True), (0.9, 0, 29, True)],
)  # fmt: skip
def test_no_group_is_misjudged_beyond_the_bound_and_beyond_chance(gap, deviation, outcomes, passed):
    one = Gap("gender", "F", 1000, 900, outcomes, gap, gap, gap, deviation)
    told = verdict("fairness", found(group(), gaps=[one]))
    assert told.passed is passed
    assert ("misjudged: gender F" in told.sentence) is not passed
