"""From recorded decisions to the prices of the coming day, and what a home may say of capacity."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic_core import to_json

from features.errors import GuanjiaError
from features.lake import Lake
from features.settings import Settings
from serving.decision.candidates import Candidate
from serving.decision.capacity.demand import Demand, measure_demand
from serving.decision.capacity.prices import fit_prices, price_branch
from serving.decision.capacity.settings import load_capacity
from serving.decision.core import Facts, settle
from serving.decision.gates import Permission
from serving.decision.record import STORED
from serving.decision.worth.policy import load_policy
from serving.records.contacts.capacity import prices_on
from serving.records.contacts.decisions import Decision, write_decision
from serving.records.database import Records

NOON = datetime(2026, 6, 30, 4, tzinfo=UTC)
DAY = date(2026, 6, 30)
ZONE = ZoneInfo("Asia/Shanghai")
SHIPPED = load_policy(Path("a home without a policy of its own"))
POLICY = SHIPPED.model_copy(update={"exploration_share": 0.0, "holdout_share": 0.0})
CALL = Candidate("renewal_30d", "到期前30天", "renewal", "marketing", "phone", 1.0, "renewal")
SMS = replace(CALL, channel="sms", cost=0.05)
CARE = Candidate("accident_care", "出险关怀", "claims", "service", "phone", 1.0)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    (tmp_path / "home").mkdir()
    return Lake(Settings(home=tmp_path / "home"))


def decide(
    records: Records,
    customer: str,
    margin: float,
    *candidates: Candidate,
    at: datetime = NOON,
    branch: str | None = "B1",
    **more: Any,
) -> None:
    """A decision whose contacts turn 10% of renewals, worth `margin`, on the record."""
    marketing = more.pop("marketing", True)
    facts = Facts(
        customer_id=customer,
        decision_point="tests",
        day=at.astimezone(ZONE).date(),
        tags={
            "renewal_quote_premium": 0.0,
            "commercial_premium_current": 0.0,
            "open_claims": 0,
            "open_complaints": 0,
        },
        predictions={"renewal": 0.5},
        effects={"contact": 0.1},
        margin=margin,
        permission=Permission({"phone": marketing, "sms": marketing}, True),
        candidates=candidates,
        blocks=[None] * len(candidates),
        recent_contacts=0,
        capacity_prices=more.pop("prices", {}),
        policy=POLICY,
    )
    stored = {STORED.get(name, name): value for name, value in vars(facts).items()}
    settled = settle(facts)
    chosen = settled.chosen.candidate if settled.chosen else None
    decision = Decision(
        customer, "tests", at, {"facts": json.loads(to_json(stored))}, branch,
        touchpoint=chosen.touchpoint if chosen else None,
        channel=chosen.channel if chosen else None,
        mandatory=settled.mandatory, **more,
    )  # fmt: skip
    with records.writing() as connection:
        write_decision(connection, decision)


def demand(records: Records, begin: datetime = NOON - timedelta(1)) -> dict[str, Demand]:
    return measure_demand(records, begin, NOON + timedelta(hours=1), ZONE)[0]


def test_demand_is_the_worth_of_each_channel_before_its_price(records: Records) -> None:
    decide(records, "C1", 110.0, CALL, SMS, prices={"phone": 50.0})
    decide(records, "C1", 60.0, CALL)
    decide(records, "C2", 110.0, CALL, marketing=False)
    decide(records, "C3", 110.0, CALL, branch="B2", at=NOON - timedelta(hours=1))
    decide(records, "C4", 110.0, CALL, branch=None)
    decide(records, "C5", 110.0, CALL, at=NOON - timedelta(days=2))
    found = demand(records)
    day = DAY.toordinal()
    assert found.keys() == {"B1", "B2"}
    # A tenth of 110 yuan, less the cost of the contact: of two decisions of a day the better one.
    assert found["B1"].worth == {
        ("C1", day): pytest.approx({"phone": 10.0, "sms": 10.95}),
        ("C2", day): {},
    }
    assert found["B2"].worth == {("C3", day): pytest.approx({"phone": 10.0})}


def test_what_is_made_whatever_it_is_worth_takes_its_place(records: Records) -> None:
    decide(records, "C1", 110.0, CARE, CALL)
    decide(records, "C2", 110.0, CALL, randomised=True)
    found = demand(records)["B1"]
    assert (found.committed, found.worth) == ({"phone": 2}, {})


def test_prices_of_a_branch_by_hand() -> None:
    worth = {("C1", 1): {"phone": 10.0}, ("C2", 1): {"phone": 6.0}, ("C3", 1): {"phone": 3.0},
             ("C4", 1): {"phone": 8.0, "sms": 7.0}}  # fmt: skip
    (phone,) = price_branch("B1", Demand(worth), {"phone": 2}, 1)
    # C4 can be told by text message, which is not limited: a call is worth 1 yuan more to them.
    # So the calls go to C1 and C2, and C3 is the first who finds no place.
    assert (phone.capacity, phone.demanded, phone.price) == (2, 4.0, pytest.approx(3.0))
    (phone,) = price_branch("B1", Demand(worth, {"phone": 1}), {"phone": 2}, 1)
    assert (phone.demanded, phone.committed, phone.price) == (5.0, 1.0, pytest.approx(6.0))
    # On two days there are twice the places.
    (phone,) = price_branch("B1", Demand(worth), {"phone": 2}, 2)
    assert (phone.demanded, phone.price) == (2.0, 0.0)
    assert price_branch("B1", Demand(worth), {}, 1) == []
    (idle,) = price_branch("B1", Demand(), {"sms": 0}, 1)
    assert (idle.demanded, idle.price) == (0.0, 0.0)


def test_prices_are_kept_for_the_day_after_and_hold_back_who_is_worth_less(
    lake: Lake, records: Records
) -> None:
    (lake.home / "capacity.toml").write_text("[every_branch]\nphone = 1\n", encoding="utf-8")
    for customer, margin in (("C1", 110.0), ("C2", 70.0), ("C3", 40.0)):
        decide(records, customer, margin, CALL)
    for _ in range(2):
        (found,) = fit_prices(lake, records, DAY, NOON)
        assert (found.branch, found.channel, found.demanded) == ("B1", "phone", 3.0)
        assert found.price == pytest.approx(6.0)
        with records.reading() as connection:
            assert prices_on(connection, DAY) == []
            (kept,) = prices_on(connection, DAY + timedelta(1))
        assert (kept.capacity, kept.price) == (1, found.price)


def test_without_decisions_or_limits_it_says_so(lake: Lake, records: Records) -> None:
    with pytest.raises(GuanjiaError, match="decisions of the 7 days to 2026-06-30: do not exist"):
        fit_prices(lake, records, DAY, NOON)
    decide(records, "C1", 110.0, CALL)
    (lake.home / "capacity.toml").write_text("[every_branch]\nphone = false\n", encoding="utf-8")
    with pytest.raises(GuanjiaError, match="limits no channel of any branch"):
        fit_prices(lake, records, DAY, NOON)


def test_a_home_replaces_single_numbers(tmp_path: Path) -> None:
    text = "[every_branch]\nsms = 9\n[branches.B1]\nphone = false\nwecom = 0\n"
    (tmp_path / "capacity.toml").write_text(text, encoding="utf-8")
    found = load_capacity(tmp_path)
    assert found.limits_for("B1") == {"sms": 9, "wecom": 0}
    assert found.limits_for("B2") == {"phone": 120, "sms": 9}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            "[every_branch]\nphon = 1",
            "field every_branch.phon: phon is not known. Did you mean phone",
        ),
        (
            "[branches.B1]\nphon = 1",
            "field branches.B1.phon: phon is not known. Did you mean phone",
        ),
        ("[every_branch]\nphone = -1", "field every_branch.phone.*greater than or equal to 0"),
        ("[every_branch]\nphone = 1.5", "field every_branch.phone"),
        ("[every_branches]\nphone = 1", "every_branches: is not known. Did you mean every_branch"),
        ("phone = ", "is not valid TOML"),
    ],
)
def test_a_fault_is_told_by_its_place(text: str, fault: str, tmp_path: Path) -> None:
    (tmp_path / "capacity.toml").write_text(text, encoding="utf-8")
    with pytest.raises(GuanjiaError, match=fault):
        load_capacity(tmp_path)
