"""Plan and launch a campaign: members, lot and power check together, in one transaction."""

import hashlib
import hmac
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from features.erased import Erased, erasure_key
from features.lake import Lake
from features.lake.known_at import known_sql
from features.sql import sql_text
from serving.campaigns.members import Member, read_members
from serving.campaigns.membership import taken_customers
from serving.campaigns.plan import CampaignPlan, parse_plan, require_touchpoint
from serving.campaigns.power_check import (
    CampaignCheck,
    check_campaign,
    propose_shares,
    require_power,
)
from serving.campaigns.states import launch, leave_to_others, lock_campaigns
from serving.campaigns.store import Campaign, find_campaign, read_drawn, write_plan
from serving.records.database import LONG_SECONDS, Records
from serving.touchpoints.catalogue import load_touchpoints

HOLDOUT, ERASED = "holdout", "erased"
"""Why members of a list are not drawn, beside `campaign NAME` of another campaign."""


def plan_campaign(
    lake: Lake,
    records: Records,
    fields: Mapping[str, Any],
    rows: Iterable[Mapping[str, Any]],
    by: str,
    at: datetime,
    *,
    salt: str,
    in_holdout: Callable[[str], bool],
) -> Campaign:
    """Plan a campaign: draw the members of a list into its arms, and keep plan and lot.

    Parameters
    ----------
    lake : Lake
        The home, whose phone numbers tell households and whose catalogue the touchpoint.
    records : Records
        Where it is kept.
    fields : mapping of str to object
        The plan as in JSON or TOML; arms without shares get the smallest control that sees enough.
    rows : iterable of mapping
        The list, as `read_members` reads it.
    by : str
        Who plans it.
    at : datetime
        Now.
    salt : str
        Salt of the policy.
    in_holdout : callable of (str) to bool
        Says who is in the standing holdout, whom no campaign draws.

    Raises
    ------
    GuanjiaError
        If plan or list has a fault, or the campaign could hardly be judged and gives no reason
        (`weak_because`).
    """
    require_touchpoint(parse_plan(_with_some_shares(fields)), touchpoint_kinds(lake))
    erased = Erased(lake.settings)
    listed = read_members(rows)
    gone = set(erased.among(member.customer_id for member in listed))
    members = with_phones(lake, listed, at)
    left = Counter({ERASED: len(gone)} if gone else {})
    stay: list[Member] = []
    for member in members:
        if member.customer_id in gone:
            continue
        if in_holdout(member.customer_id):
            left[HOLDOUT] += 1
        else:
            stay.append(member)
    with records.writing(LONG_SECONDS, durable=True) as connection:
        lock_campaigns(connection)
        wish = parse_plan(_with_some_shares(fields))
        taken = taken_customers(
            connection,
            [member.customer_id for member in stay],
            wish.starts_on,
            wish.ends_on,
            wish.priority,
        )
        left.update(f"campaign {other}" for other in taken.values())
        stay = [member for member in stay if member.customer_id not in taken]
        plan = parse_plan(propose_shares(fields, stay))
        check = check_campaign(plan, stay)
        require_power(plan, check, plan.weak_because)
        return write_plan(
            connection, plan, stay, salt, by, at, left_out=left, check=check.document()
        )


def check_plan(
    lake: Lake, fields: Mapping[str, Any], rows: Iterable[Mapping[str, Any]], at: datetime
) -> tuple[CampaignPlan, CampaignCheck]:
    """Check what a campaign could see, without planning it.

    Parameters
    ----------
    lake, fields, rows, at
        As `plan_campaign` takes them.

    Raises
    ------
    GuanjiaError
        If plan or list has a fault.
    """
    members = with_phones(lake, read_members(rows), at)
    plan = parse_plan(propose_shares(fields, members))
    return plan, check_campaign(plan, members)


def launch_campaign(
    records: Records, name: str, by: str, at: datetime, weak_because: str | None = None
) -> Campaign:
    """Launch a planned campaign with the members that no other campaign has by now.

    Parameters
    ----------
    records : Records
        Where it is kept.
    name : str
        The campaign.
    by : str
        Who launches it.
    at : datetime
        Now.
    weak_because : str, optional
        Why it is launched with a power below one half. Default: what the plan says.

    Raises
    ------
    GuanjiaError
        If it is not planned, or could hardly be judged and nobody said why it is launched.
    """
    with records.writing(LONG_SECONDS, durable=True) as connection:
        lock_campaigns(connection)
        campaign = find_campaign(connection, name)
        if campaign.state == "planned":
            campaign = leave_to_others(connection, campaign)
        members = drawn_members(connection, name)
        check = check_campaign(campaign.plan, members)
        reason = weak_because or campaign.plan.weak_because
        require_power(campaign.plan, check, reason)
        return launch(connection, campaign, by, at, check=check.document(), weak_because=reason)


def drawn_members(connection: Any, name: str) -> list[Member]:
    """Read the drawn members of a campaign as they were on the list.

    Parameters
    ----------
    connection : Connection
        Of the records.
    name : str
        The campaign.
    """
    columns = list(Member.__dataclass_fields__)
    return [
        Member(**{column: row[column] for column in columns})
        for row in read_drawn(connection, name)
    ]


def with_phones(lake: Lake, members: Sequence[Member], at: datetime) -> list[Member]:
    """Find the members who share a phone number, and give them one household.

    Numbers are hashed with the key of the home: neither plan nor records hold them. What a row
    itself names as the household is hashed alike.

    Parameters
    ----------
    lake : Lake
        The home with the checked customers.
    members : sequence of Member
        The members.
    at : datetime
        What was known by then.
    """
    key = erasure_key(lake.settings)
    phones: dict[str, str] = {}
    if lake.has("customers"):
        names = ", ".join(sql_text(member.customer_id) for member in members) or "NULL"
        query = (
            "SELECT customer_id, phone FROM "
            f"read_parquet({sql_text(lake.checked('customers'))}) "
            f"WHERE {known_sql(at)} AND phone IS NOT NULL AND customer_id IN ({names})"
        )
        phones = dict(lake.con.execute(query).fetchall())
    shared = Counter(phones.values())
    found: list[Member] = []
    for member in members:
        phone = phones.get(member.customer_id)
        together = phone if phone is not None and shared[phone] > 1 else member.household
        found.append(replace(member, household=together and _hashed(key, together)))
    return found


def _hashed(key: bytes, shared: str) -> str:
    """Hash what a household shares, so that it cannot be traced back without the key."""
    return hmac.digest(key, f"household {shared}".encode(), hashlib.sha256).hex()[:32]


def touchpoint_kinds(lake: Lake) -> dict[str, str]:
    """Map the touchpoints of a home to "marketing" or "service"."""
    declared = load_touchpoints(lake.home).touchpoints_for()
    return {name: touchpoint.kind for name, touchpoint in declared.items()}


def _with_some_shares(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Give arms without shares equal ones, so that the rest of a plan can be read."""
    arms = [dict(arm) for arm in fields.get("arms", ())]
    if any("share" in arm for arm in arms):
        return dict(fields)
    return {**fields, "arms": [arm | {"share": 1 / len(arms)} for arm in arms]}
