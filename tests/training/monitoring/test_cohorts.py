"""A cohort is a month of ripened outcomes; what is off in it is named, and nothing else."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from training.evaluation.intervals import Customers
from training.models import MODELS
from training.monitoring.alerts import alerts_of
from training.monitoring.bounds import Bounds
from training.monitoring.cohorts import by_month, cohort_figures, lift_of, whole_months

REFERENCE = {"rows": 20_000.0, "order": 0.70, "lift": 1.8, "base_rate": 0.75}
ERROR = Bounds().error("cohort")
CHANNELS = np.array(["agent", "broker", "online"])


def asked(seed: int, people: int = 900) -> tuple[pd.DataFrame, np.ndarray]:
    """Terms asked about at 60 and at 30 days, and what is told of them; no outcome yet."""
    draw = np.random.default_rng(seed)
    told = 1 / (1 + np.exp(-draw.normal(1.1, 0.9, people)))
    frame = pd.DataFrame(
        {
            "customer_id": [f"C{one}" for one in range(people)],
            "channel": draw.choice(CHANNELS, people),
            "star_level": draw.integers(1, 6, people).astype(float),
            "draw": draw.random(people),
            "matures": date(2025, 11, 15),
        }
    )
    frame = pd.concat([frame.assign(lead_days=60.0), frame.assign(lead_days=30.0)])
    frame["as_of"] = [date(2025, 10, 16) - timedelta(days=int(lead)) for lead in frame.lead_days]
    return frame.reset_index(drop=True), np.tile(told, 2)


def figures(frame, told, right):
    frame = frame.assign(label=frame["draw"] < right)
    return cohort_figures(
        "2025-11", frame, told, REFERENCE, Bounds(), ERROR, MODELS["renewal"].purpose
    )


def test_months_begin_after_what_was_known_and_end_by_the_date():
    months = whole_months(date(2025, 7, 10), date(2025, 10, 31))
    assert months == [date(2025, 8, 1), date(2025, 9, 1), date(2025, 10, 1)]
    assert whole_months(date(2025, 6, 30), date(2025, 7, 30)) == []
    assert whole_months(date(2025, 6, 30), date(2025, 7, 31)) == [date(2025, 7, 1)]


def test_an_outcome_is_in_the_month_in_which_it_ripened():
    frame = pd.DataFrame({"matures": [date(2025, 8, 31), date(2025, 9, 1), date(2025, 11, 1)]})
    months = whole_months(date(2025, 7, 31), date(2025, 10, 31))
    found = {str(month): rows.tolist() for month, rows in by_month(frame, months)}
    assert found == {"2025-08-01": [True, False, False], "2025-09-01": [False, True, False]}


def test_a_model_that_is_right_raises_no_alert():
    frame, told = asked(1)
    one = figures(frame, told, told)
    assert [test.figure for test in one.tests[:5]] == ["gap", "auc", "lift", "loss", "slope"]
    assert one.alerts == []
    assert (one.rows, one.customers) == (1800, 900)
    assert (one.asked_from, one.asked_to) == (date(2025, 8, 17), date(2025, 9, 16))


def test_a_shift_of_all_is_an_alert_of_all_and_says_to_retrain():
    frame, told = asked(1)
    one = figures(frame, told, told - 0.13)
    assert one.observed - one.predicted == pytest.approx(-0.13, abs=0.03)
    assert ("gap", "") in [(test.figure, test.subject) for test in one.alerts]
    first = alerts_of("renewal", date(2025, 11, 30), [one], None)[0]
    assert (first.cohort, first.figure, first.segment) == ("2025-11", "gap", "")
    assert first.sentence.startswith("observed minus predicted: -1")
    assert first.sentence.endswith("expected 0.0, allowed deviation 2.7")
    assert "guanjia train renewal --known-by 2025-11-30" in first.cure


def test_a_shift_of_one_channel_names_that_channel():
    frame, told = asked(2, 3000)
    right = np.where(frame["channel"] == "broker", told - 0.25, told + 0.02)
    one = figures(frame, told, right)
    named = {test.subject for test in one.alerts if test.subject}
    assert named == {"channel broker"}
    (said,) = [a for a in alerts_of("renewal", date(2025, 11, 30), [one], None) if a.segment]
    assert "of channel broker" in said.sentence
    assert said.chinese.startswith("渠道 经纪的实际减预测：")
    assert "what changed for them alone" in said.cure


def test_an_order_that_is_lost_is_told_by_auc_and_lift():
    frame, told = asked(3)
    one = figures(frame, told, np.tile(np.random.default_rng(1).permutation(told[:900]), 2))
    found = {test.figure for test in one.alerts if not test.subject}
    assert {"auc", "slope"} <= found
    assert abs(one.order - 0.5) < 0.05
    # Worse than the base rate, and for certain.
    assert one.loss > one.base_loss


@pytest.mark.parametrize(("people", "ranked"), [(249, False), (250, True)])
def test_the_order_of_few_amounts_is_not_tested(people: int, ranked: bool) -> None:
    frame, _ = asked(5, people)
    draw = np.random.default_rng(5)
    told = np.exp(draw.normal(8.0, 0.5, len(frame)))
    frame["label"] = told * draw.gamma(2.0, 0.5, len(frame))
    reference = {"rows": 20_000.0, "order": 0.2, "lift": 1.8, "base_rate": 3_400.0}
    one = cohort_figures("2025-11", frame, told, reference, Bounds(), ERROR, None, "amount")
    figures = ["gap", "gini", "lift", "loss"] if ranked else ["gap", "lift", "loss"]
    assert [test.figure for test in one.tests if not test.subject] == figures


def test_extremes_that_are_too_extreme_are_told_by_the_slope():
    frame, told = asked(4, 3000)
    odds = np.log(told / (1 - told))
    too_sure = 1 / (1 + np.exp(-(odds - odds.mean()) * 2.2 - odds.mean()))
    one = figures(frame, too_sure, told)
    assert one.slope == pytest.approx(1 / 2.2, abs=0.1)
    alerts = alerts_of("renewal", date(2025, 11, 30), [one], None)
    (slope,) = [alert for alert in alerts if alert.figure == "slope"]
    assert "too extreme" in slope.cure
    assert "概率过于极端" in slope.chinese_cure


def test_of_few_outcomes_nothing_is_judged():
    frame, told = asked(5, 40)
    assert figures(frame, told, told).tests == []


def test_where_all_renew_though_some_were_to_leave_only_the_gap_is_judged():
    frame, _ = asked(6)
    one = figures(frame, np.full(len(frame), 0.85), np.ones(len(frame)))
    assert one.observed == 1.0
    assert [test.figure for test in one.tests if not test.subject] == ["gap", "loss"]
    assert [test.figure for test in one.alerts if not test.subject] == ["gap"]


def test_lift_is_of_those_who_do_not_renew():
    told = np.linspace(0.05, 0.95, 20)
    label = np.ones(20, dtype=bool)
    label[:2] = False  # the two told the lowest leave, and one more
    label[10] = False
    nobody = Customers(pd.Series(range(20)))
    # All of the first tenth leave, 3 of 20 overall.
    assert lift_of(label, told, MODELS["renewal"].purpose, nobody)[0] == pytest.approx(20 / 3)
    # Of churn it is of those told the highest: one tenth, of whom all are true, of 17 in 20.
    assert lift_of(label, told, MODELS["churn"].purpose, nobody)[0] == pytest.approx(20 / 17)


def test_a_year_of_right_cohorts_keeps_the_stated_rate():
    """Twenty years of a model that is right, each month judged as declared."""
    spent = Bounds().error("cohort")
    alarms = 0
    for seed in range(240):
        frame, told = asked(1000 + seed, 300)
        alarms += bool(figures(frame, told, told).alerts)
    # 240 looks at 0.42%: one alarm is to be expected, more than five come once in a thousand.
    assert spent == pytest.approx(0.10 / 24)
    assert alarms <= 5
