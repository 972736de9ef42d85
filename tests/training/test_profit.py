"""What contacting pays: a curve by hand, and costs and premiums as they were known by a date."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.checking.check import check_tables
from features.lake import Lake
from features.settings import Settings
from features.sources.simulation.simulate import simulate
from training.evaluation.contact import profit_curves
from training.evaluation.economics import Economics, economics
from training.evaluation.intervals import Customers, wilson_interval
from training.models import MODELS

KNOWN_BY = date(2025, 6, 30)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    found = Lake(Settings(home=tmp_path_factory.mktemp("insurer")))
    simulate(found, 150, 3)
    check_tables(found)
    return found


def test_profit_by_depth_is_that_worked_out_by_hand() -> None:
    # Twenty asked; the two told the highest both buy, nobody else. A contact costs 1 yuan and
    # turns a tenth of the buyers, worth 50 yuan each: 5 yuan a buyer contacted.
    told = np.linspace(0.95, 0.0, 20)
    label = np.arange(20) < 2
    money = Economics({"phone": 1.0}, 50.0, {"phone": 0.1}, ())
    who = Customers(pd.Series(np.arange(20)))
    (curve,) = profit_curves(label, told, MODELS["cross_sell_health"].purpose, money, who)
    by_share = curve.table.set_index("share")
    # In yuan for every 1,000 asked: one contact of twenty is 50 contacts.
    assert by_share["profit"][0.05] == pytest.approx(1000 * (5 - 1) / 20)
    assert by_share["profit"][0.10] == pytest.approx(1000 * (10 - 2) / 20)
    assert by_share["profit"][1.0] == pytest.approx(1000 * (10 - 20) / 20)
    assert by_share["at_random"][1.0] == pytest.approx(by_share["profit"][1.0])
    assert by_share["told"][0.05] == pytest.approx(1000 * (0.95 * 5 - 1) / 20)
    # The share is chosen by what was told: 15 contacts are told to pay more than 1 yuan.
    assert curve.best_share == 0.75
    assert curve.best_profit == pytest.approx(by_share["profit"][curve.best_share])
    assert (by_share["low"] <= by_share["high"]).all()


def test_the_interval_of_a_profit_is_that_of_its_hit_rate() -> None:
    """All of 400 contacted, 100 of whom buy: Wilson's interval of a quarter, in yuan."""
    label = np.arange(400) % 4 == 0
    money = Economics({"phone": 1.0}, 50.0, {"phone": 0.1}, ())
    who = Customers(pd.Series(np.arange(400)))
    told = np.full(400, 0.25)
    (curve,) = profit_curves(label, told, MODELS["cross_sell_health"].purpose, money, who)
    last = curve.table.iloc[-1]
    low, high = wilson_interval(0.25, (0.25 * 0.75 / 399) ** 0.5, 400)
    assert (last.low, last.high) == pytest.approx((1000 * (5 * low - 1), 1000 * (5 * high - 1)))


def test_a_part_contacted_is_as_uncertain_as_whom_it_displaces() -> None:
    """The interval of a half contacted is as wide as the profits of 1,200 draws spread."""
    draw = np.random.default_rng(2)
    money = Economics({"phone": 0.0}, 50.0, {"phone": 1.0}, ())
    people, profits, widths = Customers(pd.Series(np.arange(400))), [], []
    for _ in range(1200):
        told = draw.random(400)
        label = draw.random(400) < told
        (curve,) = profit_curves(label, told, MODELS["cross_sell_health"].purpose, money, people)
        half = curve.table.set_index("share").loc[0.5]
        profits.append(half.profit)
        widths.append(half.high - half.low)
    assert np.mean(widths) == pytest.approx(2 * 1.97 * np.std(profits), rel=0.05)


def test_renewal_contacts_those_told_not_to_renew_and_none_where_none_pays() -> None:
    told, label = np.array([0.9, 0.1, 0.8, 0.3]), np.array([True, False, True, True])
    who = Customers(pd.Series(np.arange(4)))
    money = Economics({"sms": 1.0, "phone": 99.0}, 100.0, {"sms": 0.1, "phone": 0.1}, ())
    sms, phone = profit_curves(label, told, MODELS["renewal"].purpose, money, who)
    # Told .9, .7, .2 and .1 not to renew: the third pays 2 yuan for 1, the fourth nothing. Of the
    # first two, one did not.
    assert (sms.channel, sms.best_share) == ("sms", 0.65)
    assert sms.table.set_index("share")["profit"][0.5] == pytest.approx(1000 * (10 - 2) / 4)
    assert (phone.best_share, phone.best_profit) == (0.0, 0.0)


def test_costs_and_premiums_are_those_of_the_tables(lake: Lake) -> None:
    money = economics(lake, KNOWN_BY, MODELS["renewal"].purpose)
    assert money is not None
    rows = pd.read_parquet(lake.checked("interactions"))
    end = pd.Timestamp("2025-06-30 16:00", tz="UTC")
    seen = rows[(rows.recorded_at < end) & (rows.occurred_at >= end - pd.Timedelta(days=365))]
    means = (
        seen[seen.direction == "out"]
        .groupby("channel")["cost"]
        .apply(lambda cost: float(sum(cost) / len(cost)))
    )
    assert money.costs == pytest.approx(means.to_dict())
    stated = {one.name: one for one in money.assumptions}
    policies = pd.read_parquet(lake.checked("policies"))
    terms = policies[
        (policies.recorded_at < end)
        & (policies.superseded_at.isna() | (policies.superseded_at >= end))
        & policies.line.isin(["motor_compulsory", "motor_commercial"])
        & (policies.written_premium > 0)
        & pd.to_datetime(policies.inception).between("2024-07-01", "2025-06-30")
    ]
    mean = float(sum(terms.written_premium)) / terms.vehicle_id.nunique()
    assert stated["premium"].value == pytest.approx(mean)
    assert money.benefit == pytest.approx(mean * stated["margin_share"].value)
    assert {one.grade for one in money.assumptions} <= {"M", "S", "A"}
    assert all(one.source for one in money.assumptions)
    sold = economics(lake, KNOWN_BY, MODELS["cross_sell_accident"].purpose)
    assert sold is not None
    assert sold.benefit < money.benefit or sold.benefit < 100


def test_what_was_recorded_later_changes_nothing(lake: Lake, tmp_path: Path) -> None:
    before = economics(lake, KNOWN_BY, MODELS["renewal"].purpose)
    for table, column in (("interactions", "cost"), ("policies", "written_premium")):
        path = lake.checked(table)
        rows = pq.read_table(path)
        # A hundred times dearer, recorded in the evening after the date is over in Beijing.
        later = rows.slice(0, 50)
        dear = pa.array([Decimal("99999.00")] * 50, rows.schema.field(column).type)
        at = pa.array(
            [datetime(2025, 6, 30, 16, 0, tzinfo=UTC)] * 50, rows.schema.field("recorded_at").type
        )
        for name, values in ((column, dear), ("recorded_at", at)):
            later = later.set_column(later.schema.get_field_index(name), name, values)
        later = later.cast(rows.schema)
        pq.write_table(pa.concat_tables([rows, later]), path)
    assert economics(lake, KNOWN_BY, MODELS["renewal"].purpose) == before
    after = economics(lake, date(2025, 7, 1), MODELS["renewal"].purpose)
    assert after is not None
    assert after != before


def test_without_interactions_nothing_is_said(tmp_path: Path) -> None:
    assert economics(Lake(Settings(home=tmp_path)), KNOWN_BY, MODELS["churn"].purpose) is None
