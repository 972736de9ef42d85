"""Labels on literal terms, worked out by hand."""

from datetime import UTC, date, datetime

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.lake import Lake
from features.settings import Settings
from training.labels import churn as churn_labels
from training.labels import questions as labels
from training.labels import renewals as renewals_of

SCHEMA = pa.schema(
    [
        ("policy_id", pa.string()),
        ("customer_id", pa.string()),
        ("vehicle_id", pa.string()),
        ("line", pa.string()),
        ("signed_at", pa.timestamp("us", "UTC")),
        ("inception", pa.date32()),
        ("expiry", pa.date32()),
        ("cancelled_on", pa.date32()),
        ("recorded_at", pa.timestamp("us", "UTC")),
        ("superseded_at", pa.timestamp("us", "UTC")),
    ]
)


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def term(policy, inception, expiry, signed, line="motor_commercial", **more):
    row = {
        "policy_id": policy,
        "customer_id": "C1",
        "vehicle_id": "V1" if line.startswith("motor") else None,
        "line": line,
        "signed_at": at(signed),
        "inception": date.fromisoformat(inception),
        "expiry": date.fromisoformat(expiry),
        "cancelled_on": None,
        "recorded_at": at(signed),
        "superseded_at": None,
    }
    return {**row, **more}


@pytest.fixture
def lake_of(tmp_path):
    def make(*rows):
        path = tmp_path / "checked" / "policies.parquet"
        path.parent.mkdir(exist_ok=True)
        pq.write_table(pa.Table.from_pylist(list(rows), SCHEMA), path)
        return Lake(Settings(home=tmp_path, memory_limit="1GB"))

    return make


FIRST = term("P1", "2024-01-10", "2025-01-10", "2024-01-01T00:00")


def renewals(lake, known_by="2025-06-30"):
    frame = renewals_of.renewal(lake, date.fromisoformat(known_by)).to_pandas()
    return frame[frame.policy_id == "P1"].sort_values("lead_days")


@pytest.mark.parametrize(
    ("signed", "inception", "label"),
    [
        ("2025-01-05T00:00", "2025-01-10", True),
        # Expiry + 30 is 9 February; it ends at 16:00 UTC in Shanghai.
        ("2025-02-09T15:59", "2025-02-10", True),
        ("2025-02-09T16:00", "2025-02-10", False),
        ("2025-02-10T08:00", "2025-02-11", False),
        ("2024-12-01T00:00", "2024-12-11", True),
        ("2024-12-01T00:00", "2024-12-10", False),
    ],
)
def test_a_next_term_counts_by_signing_and_inception(lake_of, signed, inception, label):
    lake = lake_of(FIRST, term("P2", inception, "2026-02-01", signed))
    assert renewals(lake).label.tolist() == [label] * 5


def test_renewal_rows_are_of_days_drawn_by_the_number_of_the_term(lake_of):
    """md5("7:0:P1") begins with a5e = 2654, and 0 + 2654 % 3 = 2; f55, f30, 36a, a64 likewise."""
    frame = renewals(lake_of(FIRST))
    assert frame.lead_days.tolist() == [2, 4, 7, 19, 55]
    days = [str(pd.Timestamp(day).date()) for day in frame.as_of]
    assert days == ["2025-01-08", "2025-01-06", "2025-01-03", "2024-12-22", "2024-11-16"]


def test_drawn_days_are_all_days_of_a_stratum_about_as_often(lake_of):
    terms = [
        term(f"P{n}", "2024-01-10", "2025-01-10", "2024-01-01T00:00", vehicle_id=f"V{n}")
        for n in range(1500)
    ]
    frame = renewals_of.renewal(lake_of(*terms), date(2025, 6, 30)).to_pandas()
    counts = frame.lead_days.value_counts().reindex(range(61))
    assert len(frame) == 5 * 1500
    for low, high, expected in (
        (0, 2, 500),
        (3, 6, 375),
        (7, 14, 188),
        (15, 29, 100),
        (30, 60, 48),
    ):
        close = 4 * expected**0.5
        assert counts.loc[low:high].between(expected - close, expected + close).all()


def test_a_term_is_asked_about_on_one_day_where_that_is_wanted(lake_of):
    frame = renewals_of.renewal_at(lake_of(FIRST), date(2025, 6, 30), 30).to_pandas()
    assert [str(pd.Timestamp(day).date()) for day in frame.as_of] == ["2024-12-11"]


def test_renewal_appears_on_the_day_it_matures(lake_of):
    lake = lake_of(FIRST)
    assert len(renewals(lake, "2025-02-09")) == 5
    assert len(renewals(lake, "2025-02-08")) == 0


def test_a_renewal_recorded_later_is_not_known(lake_of):
    late = term(
        "P2", "2025-01-10", "2026-01-10", "2025-01-05T00:00", recorded_at=at("2025-05-01T00:00")
    )
    lake = lake_of(FIRST, late)
    assert not renewals(lake, "2025-04-30").label.any()
    assert renewals(lake, "2025-05-01").label.all()


def test_another_vehicle_renews_nothing(lake_of):
    other = term("P2", "2025-01-10", "2026-01-10", "2025-01-05T00:00", vehicle_id="V2")
    assert not renewals(lake_of(FIRST, other)).label.any()


def test_a_cancelled_term_has_no_rows_once_that_is_known(lake_of):
    before = {**FIRST, "superseded_at": at("2024-12-20T00:00")}
    after = {
        **FIRST,
        "recorded_at": at("2024-12-20T00:00"),
        "cancelled_on": date(2024, 12, 20),
    }
    # It ends 21 days before the expiry.
    assert renewals(lake_of(before, after)).lead_days.tolist() == [55]


@pytest.mark.parametrize("end", ["2025-01-10", "2024-12-28"])
def test_a_term_cancelled_to_a_date_ahead_has_no_rows_once_that_is_known(lake_of, end):
    """Known on 20 December, to its expiry or earlier: as its tag says, nothing is left to renew."""
    told = at("2024-12-20T00:00")
    before = {**FIRST, "superseded_at": told}
    after = {**FIRST, "recorded_at": told, "cancelled_on": date.fromisoformat(end)}
    follows = term("P2", "2025-01-10", "2026-01-10", "2025-01-05T00:00")
    assert renewals(lake_of(before, after, follows)).lead_days.tolist() == [55]


def churns(lake, day, known_by="2026-12-31"):
    asked = date.fromisoformat(known_by), [date.fromisoformat(day)]
    return churn_labels.within_180_days(lake, *asked).to_pandas()


def test_churn_needs_a_gap_of_more_than_30_days(lake_of):
    # P1 ends on 10 January; 30 days later is 9 February.
    near = term("P2", "2025-02-09", "2026-02-09", "2025-02-01T00:00")
    far = term("P2", "2025-02-10", "2026-02-10", "2025-02-01T00:00")
    assert churns(lake_of(FIRST, near), "2024-09-30").label.tolist() == [False]
    assert churns(lake_of(FIRST, far), "2024-09-30").label.tolist() == [True]


def test_churn_looks_180_days_ahead(lake_of):
    # 2024-07-14 + 180 days is 2025-01-10, the expiry.
    lake = lake_of(FIRST)
    assert churns(lake, "2024-07-14").label.tolist() == [True]
    assert churns(lake, "2024-07-13").label.tolist() == [False]
    assert churns(lake, "2025-01-10").empty


def by_month(lake, day, known_by="2026-12-31"):
    asked = date.fromisoformat(known_by), [date.fromisoformat(day)]
    return churn_labels.by_month(lake, *asked).to_pandas().sort_values("month_ahead")


def test_who_churns_is_asked_by_which_month_of_the_first_five(lake_of):
    """Cover to 10 January 2025, asked about on 12 September: day 120 is 10 January."""
    lake = lake_of(FIRST)
    assert by_month(lake, "2024-09-12").month_ahead.tolist() == [1, 2, 3, 4, 5]
    assert by_month(lake, "2024-09-12").label.tolist() == [False, False, False, True, True]
    assert by_month(lake, "2024-09-11").label.tolist() == [False, False, False, False, True]
    assert by_month(lake, "2024-12-31").label.tolist() == [True] * 5
    assert by_month(lake, "2024-07-14").label.tolist() == [False] * 5
    assert by_month(lake, "2024-07-13").empty  # day 180 is 9 January: no churn


def test_who_is_asked_about_the_month_is_who_churns_and_ripens_with_it(lake_of):
    stays = [{**term(f"S{n}", f"202{n}-01-10", f"202{n + 1}-01-10", f"202{n}-01-01T00:00"),
              "customer_id": "C2"} for n in (4, 5, 6)]  # fmt: skip
    lake = lake_of(FIRST, *stays)
    for day in ("2024-07-13", "2024-07-14", "2024-10-01", "2025-01-10"):
        for known_by in ("2025-02-08", "2025-02-09", "2026-12-31"):
            whole = churns(lake, day, known_by)
            months = by_month(lake, day, known_by)
            assert {*months.customer_id} == {*whole.customer_id[whole.label]}
            assert {*months.matures} <= {*whole.matures}


def test_cover_cancelled_in_hindsight_is_gone_by_the_first_month(lake_of):
    told = at("2024-11-01T00:00")
    before = {**FIRST, "superseded_at": told}
    after = {**FIRST, "cancelled_on": date(2024, 9, 1), "recorded_at": told}
    assert by_month(lake_of(before, after), "2024-10-01").label.tolist() == [True] * 5


def test_churn_appears_after_210_days(lake_of):
    lake = lake_of(FIRST)
    assert len(churns(lake, "2024-07-14", "2025-02-09")) == 1
    assert len(churns(lake, "2024-07-14", "2025-02-08")) == 0


def sales(lake, day, known_by="2026-12-31"):
    days = [date.fromisoformat(day)]
    return labels.cross_sell(lake, date.fromisoformat(known_by), days, "health").to_pandas()


def test_cross_sell_within_90_days_of_those_who_lack_the_line(lake_of):
    health = term("H1", "2024-07-01", "2025-07-01", "2024-06-29T00:00", line="health")
    lake = lake_of(FIRST, health)
    assert sales(lake, "2024-03-31").label.tolist() == [True]
    assert sales(lake, "2024-03-30").label.tolist() == [False]
    assert sales(lake, "2024-06-30").empty
    assert sales(lake, "2024-03-31", "2024-06-28").empty
    assert len(sales(lake, "2024-03-31", "2024-06-29")) == 1


DRAWN = pa.schema(
    [
        ("policy_id", pa.string()),
        ("trial", pa.string()),
        ("arm", pa.string()),
        ("probability", pa.float64()),
        ("assigned_on", pa.date32()),
        ("recorded_at", pa.timestamp("us", "UTC")),
        ("superseded_at", pa.timestamp("us", "UTC")),
    ]
)


def draw(arm="contact", on="2024-11-20", policy="P1", trial="renewal_contact", **more):
    row = {
        "policy_id": policy,
        "trial": trial,
        "arm": arm,
        "probability": 0.25,
        "assigned_on": date.fromisoformat(on),
        "recorded_at": at(f"{on}T01:00"),
        "superseded_at": None,
    }
    return {**row, **more}


def trials(lake, *draws, known_by="2025-06-30", arms=("control", "contact")):
    path = lake.checked("assignments")
    pq.write_table(pa.Table.from_pylist(list(draws), DRAWN), path)
    found = renewals_of.trial_renewals(lake, date.fromisoformat(known_by), "renewal_contact", arms)
    return found.to_pandas()


def test_a_draw_has_the_tags_of_the_evening_before_and_the_label_of_its_term(lake_of):
    renewed = term("P2", "2025-01-10", "2026-01-10", "2025-01-05T00:00")
    (row,) = trials(lake_of(FIRST, renewed), draw()).to_dict("records")
    assert str(pd.Timestamp(row["as_of"]).date()) == "2024-11-19"
    # 19 November ends in Shanghai at 16:00 UTC.
    assert pd.Timestamp(row["cutoff"]) == pd.Timestamp("2024-11-19T16:00", tz="UTC")
    assert str(pd.Timestamp(row["matures"]).date()) == "2025-02-09"
    assert (row["label"], row["arm"], row["probability"]) == (True, "contact", 0.25)
    assert row["lead_days"] == 52


def test_a_draw_counts_once_its_outcome_is_ripe(lake_of):
    lake = lake_of(FIRST)
    assert trials(lake, draw(), known_by="2025-02-09").label.tolist() == [False]
    assert trials(lake, draw(), known_by="2025-02-08").empty


def test_draws_of_other_arms_trials_and_terms_do_not_count(lake_of):
    lake = lake_of(FIRST)
    others = draw("service_pack"), draw(trial="holiday"), draw(policy="P9")
    assert trials(lake, *others).empty
    assert len(trials(lake, *others, arms=("control", "service_pack"))) == 1


def test_a_draw_recorded_or_corrected_later_is_not_known(lake_of):
    lake = lake_of(FIRST)
    late = draw(recorded_at=at("2025-06-30T16:00"))
    assert trials(lake, late).empty
    assert len(trials(lake, late, known_by="2025-07-01")) == 1
    corrected = draw("control", recorded_at=at("2025-03-01T00:00"))
    old = draw(superseded_at=at("2025-03-01T00:00"))
    assert trials(lake, old, corrected).arm.tolist() == ["control"]
    assert trials(lake, old, corrected, known_by="2025-02-28").arm.tolist() == ["contact"]
