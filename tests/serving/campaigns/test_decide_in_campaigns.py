"""`/decide` keeps every member in their arm, and a record replays with it."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from features.lake import Lake
from serving.campaigns.membership import past_memberships, taken_customers
from serving.campaigns.planning import launch_campaign
from serving.campaigns.states import close
from serving.campaigns.store import Campaign, CampaignStateError, find_campaign
from serving.decision.decider import Decider
from serving.decision.replay import replay
from serving.decision.schemas import DecideRequest
from serving.decision.touchpoint_source import TouchpointSource
from serving.predictions.service import PredictionService
from serving.records.contacts.decisions import find_decision
from serving.records.database import Records
from serving.records.people.erase_records import erase_from_records, has_records
from serving.records.tables import contacts

pytestmark = pytest.mark.slow
NOON = datetime(2026, 7, 1, 4, tzinfo=UTC)
Run = Callable[..., Campaign]
Drawn = Callable[[str], dict[str, str]]


@pytest.fixture
def decider(home_lake: Lake, records: Records) -> Decider:
    return Decider(PredictionService(home_lake), records, TouchpointSource(home_lake))


def willing(lake: Lake) -> list[str]:
    """Customers of whom renewal is asked, who take text messages and have no trouble with us."""
    (path,) = sorted((lake.home / "scores").glob("*.parquet"))[-1:]
    day = path.stem.removeprefix("as_of=")
    asked = pd.read_parquet(path).set_index("customer_id")["renewal"].notna()
    tags = pd.concat(
        [
            pd.read_parquet(lake.home / "tags" / group / f"as_of={day}.parquet").set_index(
                "customer_id"
            )
            for group in ("engagement", "claims")
        ],
        axis=1,
    )
    tags = tags.loc[:, ~tags.columns.duplicated()]
    open_to = (tags["marketing_consent"] == True) & (tags["sms_opted_out"] != True)  # noqa: E712
    open_to &= ~tags["latest_consents"].str.contains("marketing.sms:no", regex=False, na=False)
    calm = (tags["open_claims"] == 0) & (tags["open_complaints"] == 0)
    return list(asked.index[asked & open_to & calm])[:90]


def decide(decider: Decider, customer: str, at: datetime = NOON) -> Any:
    request = DecideRequest(customer_id=customer, decision_point="daily_batch", alternatives=10)
    return decider.decide(request, at)


def contact_row(records: Records, decision_id: str) -> Any:
    with records.reading() as connection:
        query = contacts.select().where(contacts.c.decision_id == decision_id)
        return connection.execute(query).mappings().first()


def test_members_stay_in_their_arms_and_their_decisions_replay(
    home_lake: Lake, records: Records, decider: Decider, run_campaign: Run, drawn: Drawn
) -> None:
    customers = willing(home_lake)
    run_campaign(customers)
    arms = drawn("july")
    treated, silenced = 0, 0
    for number, (customer, arm) in enumerate(arms.items()):
        answer = decide(decider, customer)
        with records.reading() as connection:
            row = find_decision(connection, answer.decision_id)
        facts = row["document"]["facts"]
        assert facts["campaign"]["arm"] == arm
        if number % 4 == 0:
            again = replay(home_lake, records, answer.decision_id)
            assert (again.same, again.changed) == (True, [])
        action = answer.action
        if action is None or row["purpose"] == "service":
            silenced += arm == "quiet" and "campaign" in answer.held_by
            continue
        contact = contact_row(records, answer.decision_id)
        assert arm != "quiet"
        if arm == "call":
            treated += 1
            assert (action.touchpoint, action.channel) == ("renewal_30d", "sms")
            assert contact["campaign"] == "july"
        else:
            assert action.touchpoint != "renewal_30d"
            assert contact["campaign"] is None
    assert silenced
    # Not all: caps, and a message that lacks a word. But it is given outside its 30 days too.
    assert treated > 0.6 * sum(arm == "call" for arm in arms.values())


def test_the_treatment_is_given_once(
    home_lake: Lake, records: Records, decider: Decider, run_campaign: Run, drawn: Drawn
) -> None:
    run_campaign(willing(home_lake))
    calls = [customer for customer, arm in drawn("july").items() if arm == "call"][:8]
    first = [decide(decider, customer).action for customer in calls]
    later = [decide(decider, customer, NOON + timedelta(days=8)).action for customer in calls]
    given = [(a, b) for a, b in zip(first, later, strict=True) if a is not None]
    assert given
    assert all(b is None or b.touchpoint != "renewal_30d" for _, b in given)


def test_a_stopped_campaign_holds_nobody_and_its_arms_can_be_told(
    home_lake: Lake, records: Records, decider: Decider, run_campaign: Run, drawn: Drawn
) -> None:
    run_campaign(willing(home_lake))
    quiet = next(customer for customer, arm in drawn("july").items() if arm == "quiet")
    stopped = NOON + timedelta(days=1)
    with records.writing() as connection:
        close(connection, find_campaign(connection, "july"), "test", stopped, "a wrong script")
    answer = decide(decider, quiet, stopped + timedelta(hours=1))
    with records.reading() as connection:
        row = find_decision(connection, answer.decision_id)
        told = {
            day: past_memberships(connection, quiet, at, day)
            for day, at in (
                (date(2026, 6, 30), NOON - timedelta(days=1)),
                (date(2026, 7, 1), NOON),
                (date(2026, 7, 3), stopped + timedelta(days=1)),
            )
        }
    assert row["document"]["facts"]["campaign"] is None
    assert told[date(2026, 6, 30)] == []
    assert [(each.arm, each.active) for each in told[date(2026, 7, 1)]] == [("quiet", True)]
    assert [(each.arm, each.active) for each in told[date(2026, 7, 3)]] == [("quiet", False)]
    with records.writing() as connection, pytest.raises(CampaignStateError, match="is stopped"):
        close(connection, find_campaign(connection, "july"), "test", stopped)


def test_a_customer_belongs_to_one_campaign(
    home_lake: Lake, records: Records, run_campaign: Run, drawn: Drawn
) -> None:
    customers = willing(home_lake)
    run_campaign(customers[:40])
    # A running campaign keeps its members, whatever the priority of another one.
    august = run_campaign(customers[20:80], campaign="august", priority=90, launched=False)
    assert august.draw["left_out"] == {"campaign july": 20}
    assert set(drawn("august")) == set(customers[40:80])
    # Planned ones give way to a higher priority, also to one that was planned later.
    more = run_campaign(customers[60:], campaign="more", priority=95, launched=False)
    assert more.draw["left_out"] == {}
    launch_campaign(records, "more", "test", NOON)
    launched = launch_campaign(records, "august", "test", NOON)
    assert launched.draw["left_out"] == {"campaign july": 20, "campaign more": 20}
    assert set(drawn("august")) == set(customers[40:60])
    with records.reading() as connection:
        taken = taken_customers(connection, customers, date(2026, 9, 30), date(2026, 12, 1), 0)
    assert set(taken) == set(customers)


def test_an_erased_member_leaves_the_campaign(
    home_lake: Lake, records: Records, run_campaign: Run, drawn: Drawn
) -> None:
    customers = willing(home_lake)
    run_campaign(customers)
    with records.writing() as connection:
        receipt = erase_from_records(connection, customers[0], "test", NOON, b"k" * 32)
        assert not has_records(connection, customers[0])
    assert receipt.rows == {"campaign_members": 1}
    assert set(drawn("july")) == set(customers[1:])
