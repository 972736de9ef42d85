"""A home of the demo with records, in which campaigns run."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from campaign_plans import plan_fields, three_arms

from features.lake import Lake
from serving.campaigns.planning import launch_campaign, plan_campaign
from serving.campaigns.store import Campaign, read_drawn
from serving.records.database import Records

PLANNED = datetime(2026, 7, 1, 1, tzinfo=UTC)
LAUNCHED = datetime(2026, 7, 1, 2, tzinfo=UTC)
POLICY = """
exploration_share = 0.0
holdout_share = 0.0
motor_margin_share = 1.0
[weights]
"""
PLAN = plan_fields(arms=three_arms("sms"))
Run = Callable[..., Campaign]


@pytest.fixture
def home_lake(copy: Callable[..., Lake], database: str | None) -> Lake:
    """The demo with its online tags, without holdout and exploration; its records on both."""
    found = copy("feast", "scores")
    (found.home / "policy.toml").write_text(POLICY, encoding="utf-8")
    return Lake(found.settings.model_copy(update={"database": database}))


@pytest.fixture
def records(home_lake: Lake) -> Iterator[Records]:
    """The records of the home."""
    found = Records(home_lake.settings)
    found.migrate()
    yield found
    found.close()


@pytest.fixture
def run_campaign(home_lake: Lake, records: Records) -> Run:
    """Plan and launch a campaign: `run_campaign(customers, campaign="august")`."""

    def run(customers: list[str], *, launched: bool = True, **plan: Any) -> Campaign:
        rows = [{"customer_id": customer} for customer in customers]
        made = plan_campaign(
            home_lake, records, PLAN | plan, rows, "test", PLANNED,
            salt="salt", in_holdout=lambda _: False,
        )  # fmt: skip
        if not launched:
            return made
        return launch_campaign(records, made.plan.campaign, "test", LAUNCHED)

    return run


@pytest.fixture
def drawn(records: Records) -> Callable[[str], dict[str, str]]:
    """The arm of each member: `drawn("july")`."""

    def read(name: str) -> dict[str, str]:
        with records.reading() as connection:
            return {row["customer_id"]: row["arm"] for row in read_drawn(connection, name)}

    return read
