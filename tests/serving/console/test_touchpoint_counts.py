"""What was sent is counted by arm, whoever decided on it, and only since the campaign runs."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from campaign_plans import plan_fields, three_arms
from sqlalchemy import insert

from features.settings import Settings
from serving.campaigns.plan import parse_plan
from serving.campaigns.store import Campaign
from serving.console.touchpoint_counts import SentToArm, count_sent_by_arm
from serving.records.campaign_tables import campaign_members
from serving.records.columns import new_id
from serving.records.database import Records
from serving.records.tables import contacts

NOON = datetime(2026, 7, 20, 4, tzinfo=UTC)
DAY = timedelta(days=1)
PLAN = parse_plan(plan_fields(arms=three_arms()))
RUNNING = Campaign(PLAN, "running", {}, {}, NOON - 12 * DAY, "ann", launched_at=NOON - 10 * DAY)
ARMS = {"C1": "call", "C2": "call", "C3": "usual", "C4": "quiet"}
SENT = [
    ("C1", "renewal_30d", "sent", 1, "july"),
    ("C1", "renewal_30d", "sent", 2, "july"),
    ("C2", "renewal_30d", "reserved", 1, "july"),
    ("C2", "renewal_30d", "sent", 11, None),  # before the launch
    ("C3", "renewal_60d", "sent", 1, None),  # another touchpoint
    ("C4", "renewal_30d", "sent", 3, None),  # an arm to be left alone
    ("C5", "renewal_30d", "sent", 1, None),  # no member
]
"""Customer, touchpoint, state, days ago, campaign."""


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    """Members of a campaign and contacts."""
    opened = Records(Settings(home=tmp_path))
    opened.migrate()
    members = [
        {"campaign": "july", "customer_id": customer, "arm": arm, "share": 0.4, "branch": branch}
        for (customer, arm), branch in zip(ARMS.items(), ("B1", "B2", "B1", "B2"), strict=True)
    ]
    sent = [
        {
            "contact_id": new_id(NOON - days * DAY), "customer_id": customer,
            "touchpoint": touchpoint, "family": "renewal", "purpose": "marketing",
            "channel": "sms", "campaign": campaign, "planned_at": NOON, "time_zone": "UTC",
            "planned_day": NOON.date(), "local_day": NOON.date(), "state": state,
            "reserved_at": NOON, "reserved_until": NOON,
        }
        for customer, touchpoint, state, days, campaign in SENT
    ]  # fmt: skip
    with opened.writing() as connection:
        connection.execute(insert(campaign_members), members)
        connection.execute(insert(contacts), sent)
    yield opened
    opened.close()


def test_contacts_of_members_are_counted_by_arm_since_the_launch(records: Records) -> None:
    with records.reading() as connection:
        counted = count_sent_by_arm(connection, RUNNING, NOON, None)
        of_branch = count_sent_by_arm(connection, RUNNING, NOON, frozenset({"B2"}))
    assert counted == [
        SentToArm("call", "treatment", 1, 2),
        SentToArm("usual", "as_before", 0, 0),
        SentToArm("quiet", "silence", 1, 1),
    ]
    assert [(row.customers, row.number) for row in of_branch] == [(0, 0), (0, 0), (1, 1)]
