"""Tell of which campaigns a customer is a member, and in which arm, now and on any date.

`/decide` asks for one customer in one statement; a list asks for many before it is released.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Date, and_, bindparam, or_, select

from serving.campaigns.plan import ArmKind
from serving.records.campaign_tables import campaign_members, campaigns
from serving.records.columns import Instant

_c, _m = campaigns.c, campaign_members.c
_AT = bindparam("at", type_=Instant)
_DAY = bindparam("day", type_=Date)
_HELD = and_(
    _c.launched_at <= _AT,
    or_(_c.closed_at.is_(None), _c.closed_at > _AT),
    _c.starts_on <= _DAY,
    _c.ends_on >= _DAY,
)
"""Whether a campaign holds its members in their arms at an instant."""
_JOINED = campaign_members.join(campaigns, _c.campaign == _m.campaign)
_CURRENT = (
    select(_m.arm, _c.plan, _c.launched_at)
    .select_from(_JOINED)
    .where(_m.customer_id == bindparam("customer_id"), _HELD)
    .order_by(_c.priority.desc(), _c.campaign)
    .limit(1)
)
_ALL = (
    select(_m.campaign, _m.arm, _c.plan, _c.state, _c.launched_at, _c.closed_at)
    .select_from(_JOINED)
    .where(_m.customer_id == bindparam("customer_id"), _c.launched_at <= _AT)
    .order_by(_c.launched_at, _c.campaign)
)
BATCH_CUSTOMERS = 500


@dataclass(frozen=True)
class CampaignArm:
    """The arm of a running campaign that a customer is in: what a decision knows of it.

    Attributes
    ----------
    campaign, label : str
        Name and Chinese label of the campaign.
    arm : str
        The arm.
    kind : {"treatment", "as_before", "silence"}
        What it gets.
    touchpoint : str
        The touchpoint of the campaign.
    channel, offer : str or None
        The only channel and offer of the treatment; None: any.
    """

    campaign: str
    label: str
    arm: str
    kind: ArmKind
    touchpoint: str
    channel: str | None = None
    offer: str | None = None

    def gives(self, touchpoint: str, channel: str, offer: str | None) -> bool:
        """Check whether a contact is the treatment of the arm.

        Parameters
        ----------
        touchpoint, channel : str
            The contact.
        offer : str or None
            Name of its offer.
        """
        return (
            self.kind == "treatment"
            and touchpoint == self.touchpoint
            and self.channel in (None, channel)
            and self.offer in (None, offer)
        )


@dataclass(frozen=True)
class Membership:
    """A customer's arm, and since when the campaign runs."""

    arm: CampaignArm
    launched_at: datetime


@dataclass(frozen=True)
class PastMembership:
    """A campaign that a customer was drawn for.

    Attributes
    ----------
    campaign, label, arm : str
        The campaign and the arm.
    kind : str
        What the arm gets.
    launched_at : datetime
        Since when it ran.
    held : bool
        Whether the arm held on the date that was asked for.
    """

    campaign: str
    label: str
    arm: str
    kind: str
    launched_at: datetime
    held: bool


def current_membership(
    connection: Connection, customer_id: str, at: datetime, day: date
) -> Membership | None:
    """Find the arm that a customer is in, of the campaign with the highest priority.

    Parameters
    ----------
    connection : Connection
        Of the records.
    customer_id : str
        The customer.
    at : datetime
        Now.
    day : date
        The civil day of `at` in the insurer's time zone.

    Returns
    -------
    Membership or None
        None: no running campaign has drawn them.
    """
    given = {"customer_id": customer_id, "at": at, "day": day}
    row = connection.execute(_CURRENT, given).first()
    return None if row is None else Membership(_arm_of(row.plan, row.arm), row.launched_at)


def past_memberships(
    connection: Connection, customer_id: str, at: datetime, day: date
) -> list[PastMembership]:
    """List the campaigns that had drawn a customer by an instant, in the order of their launch.

    Parameters
    ----------
    connection : Connection
        Of the records.
    customer_id : str
        The customer.
    at : datetime
        Campaigns launched later are left out.
    day : date
        The civil day of `at`.
    """
    given = {"customer_id": customer_id, "at": at}
    found = []
    for row in connection.execute(_ALL, given):
        arm = _arm_of(row.plan, row.arm)
        held = row.closed_at is None or row.closed_at > at
        days = date.fromisoformat(row.plan["starts_on"]), date.fromisoformat(row.plan["ends_on"])
        found.append(
            PastMembership(
                campaign=row.campaign,
                label=arm.label,
                arm=arm.arm,
                kind=arm.kind,
                launched_at=row.launched_at,
                held=held and days[0] <= day <= days[1],
            )
        )
    return found


def taken_customers(
    connection: Connection,
    customers: Collection[str],
    starts_on: date,
    ends_on: date,
    priority: int,
    *,
    besides: str = "",
) -> dict[str, str]:
    """Find customers whom another campaign has in the same days, and which one.

    A running campaign keeps its members whatever the priority: moved, they would spoil both. A
    planned one has them if its priority is at least as high.

    Parameters
    ----------
    connection : Connection
        Of the records.
    customers : collection of str
        Customers to look for.
    starts_on, ends_on : date
        Days on which the arms would hold.
    priority : int
        Priority of the campaign that asks.
    besides : str
        Name of the campaign that asks, which takes nobody from itself.

    Returns
    -------
    dict of str to str
        Customer -> name of the campaign.
    """
    query = (
        select(_m.customer_id, _m.campaign)
        .select_from(_JOINED)
        .where(
            _m.customer_id.in_(bindparam("customers", expanding=True)),
            _c.campaign != besides,
            _c.starts_on <= ends_on,
            _c.ends_on >= starts_on,
            or_(
                _c.state == "running",
                and_(_c.state == "planned", _c.priority >= priority),
            ),
        )
        .order_by(_c.priority)
    )
    asked = sorted(customers)
    taken: dict[str, str] = {}
    for start in range(0, len(asked), BATCH_CUSTOMERS):
        part = {"customers": asked[start : start + BATCH_CUSTOMERS]}
        taken |= {row.customer_id: row.campaign for row in connection.execute(query, part)}
    return taken


def _arm_of(plan: dict[str, Any], name: str) -> CampaignArm:
    arm = next(arm for arm in plan["arms"] if arm["name"] == name)
    return CampaignArm(
        campaign=plan["campaign"],
        label=plan["label"],
        arm=name,
        kind=arm["kind"],
        touchpoint=plan["touchpoint"],
        channel=arm.get("channel"),
        offer=arm.get("offer"),
    )
