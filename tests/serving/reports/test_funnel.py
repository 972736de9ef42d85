"""The renewal funnel on a literal insurer, worked out by hand."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest
from due_terms import term
from hypothesis import given
from hypothesis import strategies as st

from features.errors import GuanjiaError
from features.lake import Lake
from serving.reports.expected import Expectations
from serving.reports.funnel import Figure
from serving.reports.gap import round_parts, split_gap
from serving.reports.holes import count_holes
from serving.reports.monday import Funnel, report_funnel
from serving.reports.months import month_of
from serving.reports.output.sections import funnel_sections
from serving.reports.prices import renewal_by_price, rises_against_risk
from serving.reports.settings import load_report_settings, require_level
from serving.reports.terms import REASONS, TERMS, terms_table
from training.labels.renewals import renewal_at

DAY = date(2026, 6, 14)


def counts(figure: Figure) -> tuple[int, int]:
    return figure.yes, figure.of


def row_of(funnel: Funnel, key: str) -> dict[str, object]:
    row = next(row for row in funnel.offices if row.key == key)
    return {
        "due": row.due, "expired": row.expired, "open": row.open, "renewed": counts(row.renewed),
        "quoted": counts(row.quoted), "reached": counts(row.reached), "viewed": counts(row.viewed),
        "lost": {reason: count for reason, count in row.lost.items() if count},
    }  # fmt: skip


def test_the_funnel_by_branch_is_that_worked_out_by_hand(insurer: Lake) -> None:
    funnel = report_funnel(insurer, DAY)
    assert row_of(funnel, "B1") == {
        "due": 4, "expired": 3, "open": 1, "renewed": (1, 3), "quoted": (1, 1), "reached": (1, 1),
        "viewed": (1, 1), "lost": {"not_quoted": 1, "price": 1},
    }  # fmt: skip
    # P5 is renewed after its expiry; P6's renewal and P7's delivery are not known on the 14th. P8
    # and P10 are in the pool; P9 was cancelled before it entered.
    assert row_of(funnel, "B2") == {
        "due": 4, "expired": 3, "open": 2, "renewed": (1, 3), "quoted": (1, 2), "reached": (0, 2),
        "viewed": (0, 2), "lost": {"not_reached": 1, "not_viewed": 1},
    }  # fmt: skip
    assert funnel.total.due == 8
    assert counts(funnel.total.renewed) == (2, 6)
    assert funnel.gap == pytest.approx(4 / 6)


def test_new_entrants_are_counted_by_their_first_day_and_week(insurer: Lake) -> None:
    total = report_funnel(insurer, DAY).total
    # From 8 to 14 June only P10 enters, on the 10th, and is quoted that day.
    assert counts(total.first_day) == (1, 1)
    # From 1 to 7 June only P8 enters (31 May is 30 June less 30 days: a day too early): nobody.
    assert counts(total.first_week) == (0, 0)


def test_two_days_later_the_late_renewal_is_known(insurer: Lake) -> None:
    funnel = report_funnel(insurer, date(2026, 6, 16))
    assert row_of(funnel, "B2")["renewed"] == (2, 3)
    # And the quote that was delivered on the 15th has reached C7: it is now unseen.
    assert row_of(funnel, "B2")["lost"] == {"not_viewed": 1}


def test_a_caller_of_one_branch_sees_its_customers_alone(insurer: Lake) -> None:
    funnel = report_funnel(insurer, DAY, branches={"B2"})
    assert [row.key for row in funnel.offices] == ["B2"]
    assert funnel.total.due == 4
    assert report_funnel(insurer, DAY, branches=set()).total.due == 0


def test_terms_are_counted_by_manager_team_and_channel(insurer: Lake) -> None:
    (insurer.home / "report.toml").write_text('[teams]\n"一组" = ["M1"]\n', "utf-8")
    for by, keys in (
        ("manager", {"M1": 4, "M2": 3, "未分配": 1}),
        ("team", {"一组": 4, "无团队": 4}),
        ("channel", {"agent": 8}),
    ):
        rows = report_funnel(insurer, DAY, require_level(by)).offices
        assert {row.key: row.due for row in rows} == keys


def test_targets_are_those_of_the_branch_else_of_the_month(insurer: Lake) -> None:
    (insurer.home / "report.toml").write_text(
        "[targets]\nrate = 0.7\n[targets.months]\n2026-06 = 0.75\n"
        "[targets.branches.B1]\n2026-06 = 0.8\n",
        "utf-8",
    )
    funnel = report_funnel(insurer, DAY)
    assert funnel.target == Decimal("0.75")
    assert funnel.targets == {"B1": Decimal("0.8"), "B2": Decimal("0.75")}
    assert "目标 75.0%，差 -41.7%" in funnel_sections(funnel)[0].sentences[0]


def test_renewals_are_those_of_the_label(insurer: Lake) -> None:
    later = date(2026, 7, 31)
    labels = renewal_at(insurer, later, 30).to_pandas()
    labelled = dict(zip(labels.policy_id, labels.label, strict=True))
    settings = load_report_settings(insurer.home)
    with terms_table(insurer, later, date(2026, 6, 1), date(2026, 6, 30), settings):
        rows = insurer.con.execute(f"SELECT policy_id, renewed, ripe FROM {TERMS}").fetchall()
    # P9 has no label: it was cancelled long before it entered the pool.
    assert {policy: renewed for policy, renewed, ripe in rows if ripe} == {
        policy: label for policy, label in labelled.items() if policy in {p for p, _, _ in rows}
    }
    assert len(rows) == 8


def test_price_and_risk_are_those_worked_out_by_hand(insurer: Lake) -> None:
    settings = load_report_settings(insurer.home)
    month = month_of(DAY)
    with terms_table(insurer, DAY, month.first, month.last, settings):
        bands = {row.band: counts(row.renewed) for row in renewal_by_price(insurer, month)}
        risks = rises_against_risk(insurer, DAY, month, settings.price_rise)
    # P1 at 900 (exactly -10%: not below it); P3's last quote is 1,200; P5, P6, P7 as before.
    assert bands == {
        "降3%至10%": (1, 1),
        "持平（±3%）": (1, 3),
        "涨10%以上": (0, 1),
        "未报价": (0, 1),
    }
    assert [(row.risk, counts(row.dearer)) for row in risks] == [
        ("无出险", (0, 4)), ("出险1次", (1, 1))
    ]  # fmt: skip
    assert risks[1].change == pytest.approx(0.2)


def test_holes_are_counted(insurer: Lake) -> None:
    settings = load_report_settings(insurer.home)
    month = month_of(DAY)
    with terms_table(insurer, DAY, month.first, month.last, settings):
        holes = count_holes(insurer, month, settings, Expectations({}, 0, None, False))
    found = {hole.name: (hole.count, hole.of) for hole in holes}
    assert found["manager"] == (1, 8)
    assert found["champion"] == found["costs"] == found["consents"] == (1, 1)
    assert "branch" not in found


def test_without_quotes_every_lost_term_was_not_quoted(lake_of: Callable[..., Lake]) -> None:
    lake = lake_of(
        customers=[{"customer_id": "C1", "branch": "B1"}],
        policies=[term("P1", "C1", "2026-06-05")],
    )
    assert report_funnel(lake, DAY).total.lost["not_quoted"] == 1


def test_a_level_that_is_none_is_refused() -> None:
    with pytest.raises(GuanjiaError, match=r"level brnch: is not known\. Did you mean branch"):
        require_level("brnch")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('[teams]\na = ["M1"]\nb = ["M1"]\n', "account manager M1: is in the teams a and b"),
        ("pool_days = 90\n", "pool_days"),
        ("[targets.months]\n2026-6 = 0.8\n", "a month is written 2026-06"),
    ],
)
def test_a_fault_of_the_settings_is_named(insurer: Lake, text: str, fault: str) -> None:
    (insurer.home / "report.toml").write_text(text, "utf-8")
    with pytest.raises(GuanjiaError, match=fault):
        report_funnel(insurer, DAY)


lost_terms = st.dictionaries(
    st.text("AB123", min_size=1, max_size=3),
    st.fixed_dictionaries({reason: st.integers(0, 400) for reason in REASONS}),
    max_size=20,
)


@given(lost_terms, st.integers(0, 5000))
def test_the_impacts_add_up_to_the_gap(lost: dict[str, dict[str, int]], kept: int) -> None:
    total = sum(sum(reasons.values()) for reasons in lost.values())
    due = total + kept
    rows = split_gap(lost, due)
    assert sum(row.impact for row in rows) * (due or 1) == total
    for row in rows:
        assert sum(row.reasons.values()) == row.impact
    rounded = round_parts([row.lost for row in rows], due)
    assert sum(rounded) == pytest.approx(round(total / due, 4) if due else 0, abs=6e-5)
    for row, impact in zip(rows, rounded, strict=True):
        assert abs(impact - float(row.impact)) < 1e-4


def test_more_lost_than_due_is_refused() -> None:
    with pytest.raises(ValueError, match="3 terms are lost of 2 due"):
        split_gap({"B1": {"price": 3}}, 2)
