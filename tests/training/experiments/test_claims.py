"""Several claims, sizes of arms, other policies, observed effects and verdicts."""

import gc
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from statsmodels.stats.multitest import multipletests

from features.errors import GuanjiaError
from training.experiments.always_valid import harm_evidence
from training.experiments.corrections import chance_best_by_luck, holm, joint_factor
from training.experiments.effects import Effect
from training.experiments.interim import LookResult
from training.experiments.observational import adjust
from training.experiments.off_policy import policy_value
from training.experiments.sample_ratio import check_ratio
from training.experiments.verdict import LABELS, judge

EVEN = check_ratio({"new": 500, "silence": 500}, {"new": 0.5, "silence": 0.5})
CALM = {"退订": harm_evidence(1, 1000, 0.01)}


@pytest.fixture(scope="module")
def no_collection() -> Iterator[None]:
    """`multipletests` collects garbage in each call: a second where a worker ran many tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gc, "collect", lambda *_: 0)
        yield


@pytest.mark.usefixtures("no_collection")
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_is_statsmodels(p_values: list[float]) -> None:
    named = {f"segment {place}": value for place, value in enumerate(p_values)}
    theirs = multipletests(p_values, method="holm")[1]
    assert list(holm(named).values()) == pytest.approx(theirs.tolist())


def test_a_p_value_is_between_0_and_1() -> None:
    assert holm({}) == {}
    with pytest.raises(GuanjiaError):
        holm({"a": 1.2})
    assert joint_factor(1) == pytest.approx(1.959964, abs=1e-6)
    assert joint_factor(5) == pytest.approx(2.575829, abs=1e-6)


def test_the_best_of_several_is_often_best_by_luck() -> None:
    # Two segments apart by d standard errors of one: the farther is d / 2 above the mean, as
    # often as |N(0, 2)| > d: 2 * (1 - Phi(2 / sqrt(2))) = .1573 for d = 2.
    assert chance_best_by_luck([2.0, 0.0], [1.0, 1.0]) == pytest.approx(0.1573, abs=0.008)
    assert chance_best_by_luck([1.0], [1.0]) == 1.0
    assert chance_best_by_luck([9.0, 0.0, 0.0], [1.0, 1.0, 1.0]) < 0.001
    for wrong in (([], []), ([1.0], [1.0, 2.0]), ([1.0, 2.0], [0.0, 1.0])):
        with pytest.raises(GuanjiaError):
            chance_best_by_luck(*wrong)


def test_arms_of_other_sizes_raise_the_alarm() -> None:
    assert not EVEN.mismatch
    assert EVEN.fault is None
    # 600 of 1,000 at one half: z = (100 - .5) / sqrt(250) = 6.3.
    lost = check_ratio({"new": 600, "silence": 400}, {"new": 1, "silence": 1})
    assert lost.mismatch
    assert lost.fault == "arm new has 600 rows where 500 are due"
    three = check_ratio({"a": 505, "b": 300, "c": 195}, {"a": 0.5, "b": 0.3, "c": 0.2})
    assert not three.mismatch
    assert sum(arm.expected for arm in three.arms) == pytest.approx(1000)
    for wrong in (
        ({"a": 1}, {"a": 1}),
        ({"a": 1, "b": 1}, {"a": 1, "c": 1}),
        ({"a": 1, "b": 1}, {"a": 1, "b": 0}),
        ({"a": 0, "b": 0}, {"a": 1, "b": 1}),
    ):
        with pytest.raises(GuanjiaError):
            check_ratio(*wrong)


def test_another_policy_by_hand() -> None:
    # Rewards 1 0 1 0, logged at .5 each; the other policy does what was done with 1 1 0 0: without
    # a model, (2 * 1 + 2 * 0) / 4 = .5. Weights 2 2 0 0: effective 16 / 8 = 2.
    reward, half, zero = np.array([1.0, 0, 1, 0]), np.full(4, 0.5), np.zeros(4)
    value = policy_value(reward, half, np.array([1.0, 1, 0, 0]), zero, zero)
    assert value.new.value == pytest.approx(0.5)
    assert value.effective == pytest.approx(2)
    assert value.largest_weight == pytest.approx(0.5)
    assert value.gain.value == pytest.approx(0.0)
    assert not value.credible
    # The same policy again is worth what it was.
    same = policy_value(reward, half, half, zero, zero)
    assert same.new == same.logged
    # A model that knows everything leaves no noise of the weights.
    known = policy_value(reward, half, np.array([1.0, 1, 0, 0]), reward, np.ones(4))
    assert (known.new.low, known.new.high) == pytest.approx((1.0, 1.0))


def test_customers_of_several_decisions_are_one_draw() -> None:
    reward = np.repeat(np.arange(10.0), 4)
    ones, zero = np.ones(40), np.zeros(40)
    alone = policy_value(reward, ones, ones, zero, zero)
    together = policy_value(reward, ones, ones, zero, zero, clusters=np.repeat(np.arange(10), 4))
    assert together.new.high - together.new.low > 1.9 * (alone.new.high - alone.new.low)
    for wrong in ((reward, zero, ones, zero, zero), (reward, ones, 2 * ones, zero, zero),
                  (np.full(40, np.nan), ones, ones, zero, zero)):  # fmt: skip
        with pytest.raises(GuanjiaError):
            policy_value(*wrong)


def test_what_no_policy_logged_is_told() -> None:
    ones, zero = np.ones(400), np.zeros(400)
    value = policy_value(ones, ones, 0.7 * ones, zero, zero, unsupported=0.3 * ones)
    assert value.unsupported == pytest.approx(0.3)
    assert not value.credible
    assert policy_value(ones, ones, ones, zero, zero).credible


def test_users_are_compared_with_alike_others() -> None:
    draw = np.random.default_rng(8)
    taste, other = draw.normal(size=(2, 6000))
    used = draw.random(6000) < expit(taste - 0.5)
    renewed = (draw.random(6000) < expit(0.8 + taste + 0.3 * other)).astype(float)
    columns = np.column_stack([taste, np.where(draw.random(6000) < 0.1, np.nan, other)])
    adjustment = adjust({"renewed": renewed, "yuan": 200 * renewed - 30 * used}, used, columns)
    effect = adjustment.effect("renewed")
    assert effect.raw.low > 0.1
    assert effect.adjusted.low < 0 < effect.adjusted.high
    assert effect.overlap.worst_before > 0.5
    assert effect.overlap.balanced
    yuan = adjustment.effect("yuan", columns[:, 0] > 0)
    assert yuan.adjusted.low < -30 < yuan.adjusted.high
    assert yuan.overlap.rows < effect.overlap.rows
    with pytest.raises(GuanjiaError, match="overlap"):
        adjustment.effect("yuan", np.arange(6000) < 40)
    with pytest.raises(GuanjiaError, match="Wait for 50"):
        adjust({"renewed": renewed}, np.arange(6000) < 20, columns)


def result(low: float, high: float, *, last: bool = True) -> LookResult:
    middle = (low + high) / 2
    effect = Effect(
        value=middle, low=low, high=high, deviation=(high - low) / 4, freedom=1e6, p_value=0.5,
        treated_mean=middle, control_mean=0.0, treated=700, control=300, explained=0.0,
    )  # fmt: skip
    return LookResult(
        number=3, planned=3, fraction=1.0, kind="planned", factor=2.0, effect=effect, last=last
    )


@pytest.mark.parametrize(
    ("net", "code", "words"),
    [
        (None, "too_early", "尚无保单"),
        (result(1, 9), "pays", "全部高于 0"),
        (result(1, 9, last=False), "pays", "全部高于 0"),
        (result(-9, -1), "does_not_pay", "全部低于 0"),
        (result(-4, 8, last=False), "too_early", "第 3 次查看"),
        (result(-4, 4), "does_not_pay", "不足 5.00 元"),
        (result(-4, 8), "too_small", "约需"),
    ],
)
def test_verdicts(net: LookResult | None, code: str, words: str) -> None:
    verdict = judge(net, EVEN, CALM, relevant_gain=5.0)
    assert verdict.code == code
    assert words in verdict.reason
    assert verdict.label == LABELS[verdict.code]
    if code == "too_small":
        # (2.801585 * 3 / 5)^2 * 1,000 = 2,825.6.
        assert verdict.needed_units == 2826


def test_harm_comes_before_everything_and_a_mismatch_before_money() -> None:
    lost = check_ratio({"new": 600, "silence": 400}, {"new": 1, "silence": 1})
    harm = {**CALM, "投诉": harm_evidence(40, 1000, 0.01)}
    verdict = judge(result(1, 9), lost, harm, relevant_gain=5.0)
    assert verdict.code == "harms"
    assert "投诉 40 / 1,000 = 4.00%" in verdict.reason
    verdict = judge(result(1, 9), lost, CALM, relevant_gain=5.0)
    assert verdict.code == "mismatch"
    assert "600 人" in verdict.reason
