"""Count per touchpoint who is due, and what was sent: by Guanjia and by the core system."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from features.lake import Lake
from features.lake.known_at import known_sql
from features.settings import cutoff
from features.sql import instant_sql, sql_text
from serving.campaigns.store import Campaign
from serving.records.campaign_tables import campaign_members
from serving.records.columns import first_id
from serving.records.tables import contacts
from serving.touchpoints.trigger_pages import BRANCH_GROUP, latest_triggers
from serving.touchpoints.triggers import triggers_path

SENT_DAYS = 30


@dataclass(frozen=True)
class Sent:
    """Contacts that were sent.

    Attributes
    ----------
    channel : str
        The channel.
    campaign : str or None
        The campaign they belong to.
    number : int
        How many.
    """

    channel: str
    campaign: str | None
    number: int


@dataclass(frozen=True)
class SentToArm:
    """What was sent to the members of an arm.

    Attributes
    ----------
    arm, kind : str
        Name of the arm; what it gets.
    customers, number : int
        Members who were contacted; contacts.
    """

    arm: str
    kind: str
    customers: int
    number: int


def count_due(lake: Lake, branches: Collection[str] | None) -> list[tuple[str, str, int]]:
    """Count who is due by touchpoint and kind, the most first; none if no triggers are published.

    Parameters
    ----------
    lake : Lake
        The home.
    branches : collection of str or None
        Only customers of these branches; None: all.
    """
    day = latest_triggers(lake)
    if day is None:
        return []
    rows = f"SELECT * FROM read_parquet({sql_text(triggers_path(lake, day))})"
    parameters: list[Any] = []
    if branches is not None:
        tags = lake.tags(BRANCH_GROUP) / f"as_of={day}.parquet"
        rows += (
            f" WHERE customer_id IN (SELECT customer_id FROM read_parquet({sql_text(tags)}) "
            "WHERE list_contains(?, branch))"
        )
        parameters.append(sorted(branches))
    query = f"SELECT touchpoint, kind, count(*) FROM ({rows}) GROUP BY ALL ORDER BY 3 DESC, 1"
    return lake.con.cursor().execute(query, parameters).fetchall()


def count_sent(
    connection: Connection, touchpoint: str, at: datetime, branches: Collection[str] | None
) -> list[Sent]:
    """Count the contacts of the last 30 days that Guanjia's records say were sent.

    Parameters
    ----------
    connection : Connection
        Of the records.
    touchpoint : str
        The touchpoint.
    at : datetime
        Now.
    branches : collection of str or None
        Only contacts of these branches; None: all.
    """
    c = contacts.c
    # Numbers of contacts begin with their instant: the last days lie side by side.
    query = (
        select(c.channel, c.campaign, func.count())
        .where(c.contact_id >= first_id(at - timedelta(days=SENT_DAYS)))
        .where(c.state == "sent", c.touchpoint == touchpoint)
        .group_by(c.channel, c.campaign)
        .order_by(c.channel, c.campaign)
    )
    if branches is not None:
        query = query.where(c.branch.in_(sorted(branches)))
    return [Sent(*row) for row in connection.execute(query)]


def count_sent_by_arm(
    connection: Connection,
    campaign: Campaign,
    at: datetime,
    branches: Collection[str] | None,
) -> list[SentToArm]:
    """Count by arm whom a running campaign's touchpoint reached since its launch, 30 days at most.

    Every contact of the touchpoint counts, whoever decided on it: one to an arm that is to be left
    alone spoils the comparison, and is to be seen.

    Parameters
    ----------
    connection : Connection
        Of the records.
    campaign : Campaign
        The campaign.
    at : datetime
        Now.
    branches : collection of str or None
        Only members of these branches; None: all.

    Returns
    -------
    list of SentToArm
        In the order of the plan.
    """
    c, m = contacts.c, campaign_members.c
    since = max(at - timedelta(days=SENT_DAYS), campaign.launched_at or at)
    query = (
        select(m.arm, func.count(c.customer_id.distinct()), func.count())
        .join(contacts, c.customer_id == m.customer_id)
        .where(m.campaign == campaign.plan.campaign)
        .where(c.contact_id >= first_id(since))
        .where(c.state == "sent", c.touchpoint == campaign.plan.touchpoint)
        .group_by(m.arm)
    )
    if branches is not None:
        query = query.where(m.branch.in_(sorted(branches)))
    counts = {arm: (people, number) for arm, people, number in connection.execute(query)}
    return [
        SentToArm(arm.name, arm.kind, *counts.get(arm.name, (0, 0))) for arm in campaign.plan.arms
    ]


def count_elsewhere(
    lake: Lake, touchpoint: str, as_of: date, branches: Collection[str] | None
) -> list[tuple[str, int]]:
    """Count by channel the contacts of the last 30 days that the core system delivered.

    Parameters
    ----------
    lake : Lake
        The home.
    touchpoint : str
        The touchpoint.
    as_of : date
        Last day; what was not known by its end is not counted.
    branches : collection of str or None
        Only customers of these branches; None: all.
    """
    if not lake.has("interactions"):
        return []
    end = cutoff(as_of, lake.settings.timezone)
    begin = end - timedelta(days=SENT_DAYS)
    rows = f"read_parquet({sql_text(lake.require('interactions'))})"
    query = (
        f"SELECT channel, count(*) FROM {rows} WHERE touchpoint = ? AND direction = 'out' "
        f"AND occurred_at >= {instant_sql(begin)} AND occurred_at < {instant_sql(end)} "
        f"AND {known_sql(end)}"
    )
    parameters: list[Any] = [touchpoint]
    if branches is not None:
        customers = f"read_parquet({sql_text(lake.require('customers'))})"
        query += (
            f" AND customer_id IN (SELECT customer_id FROM {customers} "
            "WHERE list_contains(?, branch))"
        )
        parameters.append(sorted(branches))
    return lake.con.cursor().execute(f"{query} GROUP BY 1 ORDER BY 1", parameters).fetchall()
