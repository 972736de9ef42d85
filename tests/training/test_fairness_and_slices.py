"""Parts of the test slice, and whether groups are treated alike, on literal and planted rows."""

import numpy as np
import pandas as pd
import pytest

from training.evaluation.contact import mark_contacted, orient_for_contact
from training.evaluation.fairness import CALIBRATION_BOUND, MEAN_BOUND, fairness
from training.evaluation.intervals import Customers
from training.evaluation.slices import SMALLEST_ROWS, slices
from training.models import MODELS

RENEWAL, HEALTH = MODELS["renewal"].purpose, MODELS["cross_sell_health"].purpose


def told_fairly(rows=4000, seed=2):
    draw = np.random.default_rng(seed)
    told = draw.uniform(0.1, 0.5, rows)
    frame = pd.DataFrame(
        {
            "customer_id": np.arange(rows),
            "as_of": pd.Timestamp("2026-01-31") + pd.to_timedelta(draw.integers(0, 3, rows), "D"),
            "gender": draw.choice(["F", "M"], rows),
            "age_years": draw.integers(20, 75, rows).astype(float),
            "star_level": draw.choice([1.0, 2.0], rows),
        }
    )
    return frame, draw.random(rows) < told, told


def test_slices_count_small_parts_and_name_what_is_not_known():
    frame, label, told = told_fairly(1000)
    frame.loc[:149, "star_level"] = 5.0
    frame.loc[150:, "star_level"] = np.where(np.arange(850) < 500, 1.0, np.nan)
    found = slices(frame, label, told, Customers(frame["customer_id"]))
    stars = [one for one in found if one.attribute == "star"]
    assert [(one.value, one.rows, one.small) for one in stars] == [
        ("1", 500, False),
        ("5", 150, True),
        ("not known", 350, False),
    ]
    assert np.isnan([stars[1].gap, stars[1].order, stars[1].predicted, stars[1].loss]).all()
    part = slice(150, 650)
    assert stars[0].gap == pytest.approx(told[part].mean() - label[part].mean())
    assert stars[0].gap_interval[0] < stars[0].gap < stars[0].gap_interval[1]
    months = [(one.value, one.rows) for one in found if one.attribute == "month"]
    assert [name for name, _ in months] == ["2026-01", "2026-02"]
    assert sum(rows for _, rows in months) == 1000
    # No column, no slice.
    assert not [one for one in found if one.attribute in ("branch", "channel", "lead")]


def test_age_bands_begin_at_their_first_year():
    frame, label, told = told_fairly(1200)
    frame["age_years"] = np.repeat([29.0, 30.0, 39.0, 40.0, 60.0, np.nan], 200)
    found = slices(frame, label, told, Customers(frame["customer_id"]))
    assert [(one.value, one.rows) for one in found if one.attribute == "age"] == [
        ("< 30", 200),
        ("30-39", 400),
        ("40-49", 200),
        (">= 60", 200),
        ("not known", 200),
    ]


def test_rare_outcomes_have_no_order():
    frame, _, told = told_fairly(SMALLEST_ROWS)
    label = np.arange(SMALLEST_ROWS) < 19
    found = slices(frame.assign(star_level=1.0), label, told, Customers(frame["customer_id"]))
    (star,) = [one for one in found if one.attribute == "star"]
    assert (star.small, np.isnan(star.order), np.isnan(star.gap)) == (False, True, False)


@pytest.mark.parametrize(("kind", "bounded"), [("amount", 250), ("count", 0)])
def test_a_gini_of_few_amounts_has_no_interval(kind, bounded):
    draw = np.random.default_rng(3)
    who = np.repeat(np.arange(499), 2)
    frame = pd.DataFrame({"customer_id": who, "channel": np.where(who < 249, "agent", "bank")})
    told = draw.gamma(2.0, 500.0, len(who))
    label = draw.poisson(told) + 1.0
    few, enough = slices(frame, label, told, Customers(frame["customer_id"]), kind)
    assert (few.customers, enough.customers) == (249, 250)
    assert 0 < few.order < 1
    assert 0 < enough.order_interval[0] < enough.order < enough.order_interval[1]
    assert np.isnan(few.order_interval).all() == (few.customers < bounded)
    assert few.gap_interval[0] < few.gap < few.gap_interval[1]


def test_the_highest_are_contacted_and_a_contact_against_an_outcome_turns_its_order():
    assert mark_contacted(np.array([0.1, 0.9, 0.5, 0.9, 0.2]), 0.4).tolist() == [0, 1, 0, 1, 0]
    assert mark_contacted(np.full(5, 0.3), 0.2).sum() == 1
    label, told = np.array([True, False]), np.array([0.9, 0.4])
    assert [side.tolist() for side in orient_for_contact(label, told, RENEWAL)] == [
        [0, 1],
        [1 - 0.9, 0.6],
    ]
    assert [side.tolist() for side in orient_for_contact(label, told, HEALTH)] == [
        [1, 0],
        [0.9, 0.4],
    ]
    # A new model says what contacts on its word are for, or that there are none.
    assert {name for name in MODELS if MODELS[name].purpose is None} == {
        "claim_frequency",
        "claim_severity",
    }


def test_fairness_by_hand():
    rows = 2 * SMALLEST_ROWS
    frame = pd.DataFrame(
        {"customer_id": np.arange(rows), "gender": np.repeat(["F", "M"], SMALLEST_ROWS)}
    )
    # Women: told .6, half of them yes. Men: told .4, half of them yes. The top fifth are women.
    label = np.tile([True, False], SMALLEST_ROWS)
    told = np.repeat([0.6, 0.4], SMALLEST_ROWS)
    (found,) = fairness(frame, label, told, Customers(frame["customer_id"]), purpose=HEALTH)
    women, men = found.groups
    assert (women.value, women.chinese, women.rows) == ("F", "女", SMALLEST_ROWS)
    assert women.gap == pytest.approx(0.1)
    assert men.gap == pytest.approx(-0.1)
    # Of two groups the typical difference is theirs, less what chance adds to its square: of each
    # group half say yes, so a variance of .25 / (rows - 1), nearly.
    assert found.calibration == pytest.approx((0.2**2 - 2 * 0.25 / SMALLEST_ROWS) ** 0.5, rel=1e-2)
    assert (women.selected, men.selected) == (0.4, 0.0)
    assert (women.hit_rate, men.hit_rate) == (0.4, 0.0)
    assert found.selection == pytest.approx(0.4, rel=0.02)
    assert found.hit_rate == pytest.approx(0.4, rel=0.05)
    assert found.verdict == "beyond"
    assert "beyond the bound of 5.0%" in found.sentence[1]
    # Where a contact is for those who do not, the same holds of them.
    (turned_round,) = fairness(
        frame, ~label, 1 - told, Customers(frame["customer_id"]), purpose=RENEWAL
    )
    assert turned_round.calibration == pytest.approx(found.calibration)
    assert turned_round.groups[0].selected == 0.4


def test_a_hit_rate_of_all_events_may_be_less_and_never_more():
    """Ten women and thirty men have the event, and rank first: the true rates may be below 1."""
    rows = 2 * SMALLEST_ROWS
    frame = pd.DataFrame(
        {"customer_id": np.arange(rows), "gender": np.repeat(["F", "M"], SMALLEST_ROWS)}
    )
    told = np.random.default_rng(1).uniform(0.1, 0.4, rows)
    label = np.zeros(rows, bool)
    label[:10] = label[SMALLEST_ROWS : SMALLEST_ROWS + 30] = True
    (found,) = fairness(frame, label, told + label / 2, Customers(frame["customer_id"]))
    # Wilson: the lower end of n of n is n / (n + t^2), with Student's t of n - 1 degrees.
    for group, events, t in zip(found.groups, (10, 30), (2.2622, 2.0452), strict=True):
        assert group.hit_rate == 1.0
        assert group.hit_rate_interval == pytest.approx((events / (events + t**2), 1.0), rel=1e-4)
    label[:10] = False
    (found,) = fairness(frame, label, told, Customers(frame["customer_id"]))
    assert np.isnan([found.groups[0].hit_rate, *found.groups[0].hit_rate_interval]).all()


def test_a_fair_model_is_within_the_bound_and_a_planted_fault_is_beyond():
    frame, label, told = told_fairly(12_000)
    resamples = Customers(frame["customer_id"])
    found = {one.attribute: one for one in fairness(frame, label, told, resamples, purpose=HEALTH)}
    assert set(found) == {"age", "gender"}
    assert found["gender"].verdict == "within"
    low, high = found["gender"].calibration_interval
    assert low <= found["gender"].calibration <= high <= CALIBRATION_BOUND
    planted = told + np.where(frame["gender"] == "F", 0.08, 0.0)
    found = {one.attribute: one for one in fairness(frame, label, planted, resamples)}
    assert found["gender"].verdict == "beyond"
    assert found["gender"].calibration == pytest.approx(0.08, abs=0.02)
    # Nobody hides in a mean over the other attribute.
    assert found["age"].calibration < 0.06
    few = fairness(frame[:500], label[:500], told[:500], resamples.within(frame.index < 500))
    # Of 500 rows no age band is large enough, and the gap of the genders may or may not be beyond.
    assert {one.attribute: one.verdict for one in few} == {"age": "none", "gender": "undecided"}


def test_of_a_rare_outcome_the_bound_is_a_part_of_its_mean():
    frame, _, told = told_fairly(5000)
    label, told = np.arange(5000) % 100 == 0, told / 30
    (found,) = fairness(
        frame[["customer_id", "gender"]], label, told, Customers(frame["customer_id"])
    )
    assert found.bound == pytest.approx(MEAN_BOUND * 0.01)
    (told_so,) = fairness(
        frame[["customer_id", "gender"]], label, told, Customers(frame["customer_id"]), bound=0.2
    )
    assert (told_so.bound, told_so.verdict) == (0.2, "within")


def test_amounts_are_compared_by_their_mean():
    rows = 2 * SMALLEST_ROWS
    frame = pd.DataFrame(
        {"customer_id": np.arange(rows), "gender": np.repeat(["F", "M"], SMALLEST_ROWS)}
    )
    label, told = np.full(rows, 100.0), np.repeat([120.0, 90.0], SMALLEST_ROWS)
    (found,) = fairness(frame, label, told, Customers(frame["customer_id"]), kind="amount")
    assert found.calibration == pytest.approx(0.3)
    assert found.verdict == "beyond"


def test_one_group_cannot_be_compared():
    frame, label, told = told_fairly(500)
    frame = frame.assign(gender="F")[["customer_id", "gender"]]
    (found,) = fairness(frame, label, told, Customers(frame["customer_id"]))
    assert found.verdict == "none"
    assert "fewer than two groups" in found.sentence[1]
