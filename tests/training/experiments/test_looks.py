"""Bounds of planned looks: published tables, the joint law, and drawing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.errors import GuanjiaError
from training.experiments.always_valid import (
    always_valid_interval,
    excess_evidence,
    harm_evidence,
    log_harm_strength,
    width_factor,
)
from training.experiments.effects import Effect
from training.experiments.interim import information_fraction, result_at_look
from training.experiments.looks import LookPlan, bounds, crossing, inflation, past_plan, spent

PUBLISHED = {
    "obrien_fleming": (4.8769, 3.3569, 2.6803, 2.2898, 2.0310),
    "pocock": (2.4380, 2.4268, 2.4101, 2.3966, 2.3859),
}
"""Five equal looks, two-sided 5% (Reboussin, DeMets, Kim and Lan 2000; R package ldbounds)."""


@pytest.mark.parametrize("spending", PUBLISHED)
def test_published_bounds(spending: str) -> None:
    plan = LookPlan(5, spending)  # type: ignore[arg-type]
    assert bounds(plan, plan.fractions) == pytest.approx(PUBLISHED[spending], abs=2e-4)


def test_a_single_look_is_the_usual_one() -> None:
    assert bounds(LookPlan(1), [1.0]) == pytest.approx([1.959964], abs=1e-6)
    assert inflation(LookPlan(1)) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize(("looks", "false"), [(2, 0.083), (4, 0.126), (5, 0.142), (10, 0.193)])
def test_plain_intervals_at_every_look_are_false_as_published(looks: int, false: float) -> None:
    """Armitage, McPherson and Rowe 1969, table 2, of a nominal 5%."""
    every = tuple((number + 1) / looks for number in range(looks))
    assert sum(crossing([1.959964] * looks, every)) == pytest.approx(false, abs=6e-4)


@given(st.lists(st.floats(0.02, 0.2), min_size=1, max_size=8), st.sampled_from([*PUBLISHED]))
@settings(max_examples=25, deadline=None)
def test_the_error_is_spent_and_no_more(steps: list[float], spending: str) -> None:
    fractions = np.cumsum(steps)
    plan = LookPlan(len(steps), spending)  # type: ignore[arg-type]
    if past_plan(plan, [*fractions]):
        return
    limits = bounds(plan, [*fractions])
    assert sum(crossing(limits, [*fractions])) == pytest.approx(0.05, abs=1e-6)
    for looks in range(1, len(limits)):
        part = sum(crossing(limits[:looks], [*fractions[:looks]]))
        # A look with next to nothing to spend has the widest bound instead of none.
        assert part == pytest.approx(spent(plan, fractions[looks - 1]), abs=1e-8)


def test_looks_elsewhere_than_planned_hold_by_drawing() -> None:
    fractions = np.array([0.1, 0.37, 0.4, 0.93])
    limits = np.array(bounds(LookPlan(4), [*fractions]))
    draw = np.random.default_rng(5).standard_normal((200_000, 4))
    walk = np.cumsum(draw * np.sqrt(np.diff(fractions, prepend=0)), axis=1)
    false = (np.abs(walk / np.sqrt(fractions)) > limits).any(axis=1).mean()
    assert false == pytest.approx(0.05, abs=0.0015)


def test_power_is_hardly_lost() -> None:
    plan = LookPlan(5)
    single = 2.801585  # 80% power of one look
    power, _ = crossing(bounds(plan, plan.fractions), plan.fractions, single)
    assert power == pytest.approx(0.790, abs=0.001)
    assert inflation(plan) == pytest.approx(1.0123, abs=5e-4)


def test_a_look_past_the_plan_has_no_bound() -> None:
    with pytest.raises(GuanjiaError, match="always-valid"):
        bounds(LookPlan(2), [0.4, 0.7, 1.0])
    with pytest.raises(GuanjiaError, match="always-valid"):
        bounds(LookPlan(5), [0.5, 1.0, 1.2])
    with pytest.raises(GuanjiaError, match="does not rise"):
        bounds(LookPlan(5), [0.5, 0.5])
    for wrong in ({"looks": 0}, {"looks": 2, "spending": "even"}, {"looks": 2, "error": 0.0}):
        with pytest.raises(GuanjiaError):
            LookPlan(**wrong)  # type: ignore[arg-type]


def effect(value: float, deviation: float) -> Effect:
    return Effect(
        value=value, low=0, high=0, deviation=deviation, freedom=1e6, p_value=1.0,
        treated_mean=value, control_mean=0, treated=10, control=10, explained=0,
    )  # fmt: skip


def test_results_at_looks_and_past_them() -> None:
    plan = LookPlan(2)
    first = result_at_look(effect(0.05, 0.02 * np.sqrt(2)), plan, [], 0.02)
    assert (first.kind, first.last, first.fraction) == ("planned", False, pytest.approx(0.5))
    assert first.factor == pytest.approx(2.9626, abs=1e-3)  # spends .00305
    second = result_at_look(effect(0.05, 0.02), plan, [0.5], 0.02)
    assert second.last
    assert second.gains
    assert second.effect.low == pytest.approx(0.05 - 0.02 * second.factor)
    third = result_at_look(effect(0.05, 0.018), plan, [0.5, 1.0], 0.02)
    assert (third.kind, third.number, third.last) == ("always_valid", 3, True)
    assert third.factor > 3
    assert not third.gains
    assert information_fraction(0.04, 0.02) == pytest.approx(0.25)


def test_the_always_valid_interval_by_hand() -> None:
    # v = 1 / .02^2 = 2,500, rho = .12 * 2,500 = 300:
    # sqrt(2,800 * log(2,800 / (300 * .0025))) / 2,500 = .060703.
    low, high = always_valid_interval(0.1, 0.02, 0.02)
    away = np.sqrt(2800 * np.log(2800 / (300 * 0.0025))) / 2500
    assert away == pytest.approx(0.060703, abs=1e-5)
    assert (low, high) == pytest.approx((0.1 - away, 0.1 + away))
    assert width_factor(1.0, 1.0) / 1.959964 < 1.6


def test_it_never_misses_more_often_than_stated() -> None:
    draw = np.random.default_rng(2)
    steps = 400
    times = np.arange(1, steps + 1) / 100  # to four times maturity
    walk = np.cumsum(draw.standard_normal((10_000, steps)) * 0.1, axis=1)
    factors = np.array([width_factor(time, 1.0) for time in times])
    missed = (np.abs(walk / np.sqrt(times)) > factors).any(axis=1).mean()
    assert 0.01 < missed <= 0.05


def test_harm_is_found_soon_and_hardly_ever_falsely() -> None:
    draw = np.random.default_rng(4)
    looks = np.arange(50, 2001, 50)

    def stopped(rate: float) -> tuple[float, float]:
        counts = draw.binomial(50, rate, (400, len(looks))).cumsum(axis=1)
        proven = log_harm_strength(counts, np.broadcast_to(looks, counts.shape), 0.02) > np.log(20)
        first = [looks[row.argmax()] for row in proven if row.any()]
        return float(proven.any(axis=1).mean()), float(np.median(first)) if first else np.inf

    assert stopped(0.02)[0] <= 0.05
    share, median = stopped(0.06)
    assert share == 1.0
    assert median <= 300


def test_harm_evidence_by_hand() -> None:
    # Without a trial nothing is likelier; one event among one contact at a limit of .5 with the
    # uniform distribution above it: mean of p over (.5, 1) is .75, over .5 is 1.5.
    assert harm_evidence(0, 0, 0.5).strength == pytest.approx(1.0)
    assert harm_evidence(1, 1, 0.5).strength == pytest.approx(1.5)
    assert excess_evidence(30, 2, 0.5).proven
    assert not excess_evidence(17, 15, 0.5).proven
    for wrong in ((2, 1, 0.1), (0, 1, 0.0)):
        with pytest.raises(GuanjiaError):
            harm_evidence(*wrong)
    with pytest.raises(GuanjiaError):
        always_valid_interval(0.0, 0.0, 1.0)
    with pytest.raises(GuanjiaError):
        width_factor(0.0, 1.0)
