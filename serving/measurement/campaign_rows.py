"""Gather what is known of the drawn members of a campaign at the end of a date.

One row a member, delivered or not. A member's term is the motor commercial term that was to expire
first when the campaign was launched; whether it is ripe and renewed is what the label of the model
says (`training.labels.renewals`). Members without such a term have no outcome. All their terms that
expire while the arms hold are counted beside it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import BindParameter, Connection, bindparam, select

from features.lake import Lake
from features.lake.known_at import known_sql
from features.settings import cutoff
from features.sql import instant_sql, sql_text
from serving.campaigns.store import Campaign, CampaignStateError, find_campaign, read_drawn
from serving.measurement.member_terms import MemberTerms, read_terms
from serving.records.columns import Instant
from serving.records.contacts.made_contacts import REACHED
from serving.records.database import LONG_SECONDS, Records
from serving.records.tables import contacts, outcomes

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
HARMS: Mapping[str, str] = {"opted_out": "退订", "refused": "拒绝", "complained": "投诉"}
"""Harm that is guarded -> Chinese label."""
BATCH_CUSTOMERS = 500
_k, _o = contacts.c, outcomes.c
_CUSTOMERS: BindParameter[Any] = bindparam("customers", expanding=True)
_SINCE, _UNTIL = bindparam("since", type_=Instant), bindparam("until", type_=Instant)
_SENT = select(_k.customer_id, _k.campaign, _k.purpose, _k.cost, _k.contact_id).where(
    _k.customer_id.in_(_CUSTOMERS),
    _k.state == "sent",
    _k.sent_at >= _SINCE,
    _k.sent_at < _UNTIL,
)
_OUTCOMES = select(_o.customer_id, _o.kind, _o.contact_id).where(
    _o.customer_id.in_(_CUSTOMERS), _o.recorded_at >= _SINCE, _o.recorded_at < _UNTIL
)


class NoMembersError(CampaignStateError):
    """A campaign has no member that the caller sees."""


@dataclass(frozen=True)
class CampaignRows:
    """The drawn members of a campaign, as known at the end of a date; arrays of shape (members,).

    Attributes
    ----------
    customers : list of str
        The members.
    arm : numpy.ndarray of str
        The arm of each.
    cluster : numpy.ndarray of int
        Code of the household.
    has_term, ripe : numpy.ndarray of bool
        Whether a term was to expire, and whether its renewal can no longer change.
    renewed : numpy.ndarray of bool
        Whether it is renewed; False where it is not ripe.
    premium : numpy.ndarray of float
        Yuan of the next motor terms; 0 without one.
    margin : numpy.ndarray of float
        Expected margin as of the draw where it is renewed, yuan, less the cost of the contacts.
    all_ripe, all_renewed : numpy.ndarray of int
        Terms that expire while the arms hold and are ripe, and how many of them are renewed.
    all_premium, all_margin : numpy.ndarray of float
        As `premium` and `margin`, of all these terms.
    cost : numpy.ndarray of float
        Yuan of the campaign's contacts that were made.
    probability : numpy.ndarray of float
        Of renewal as of the draw; the mean of all where a member has none.
    contacted, received : numpy.ndarray of bool
        Whether a contact of the campaign was made, and whether one reached the member.
    others, service : numpy.ndarray of int
        Marketing contacts that are not the campaign's, and service messages.
    harms : Mapping[str, numpy.ndarray of bool]
        By harm of `HARMS`, whether it happened.
    levels : Mapping[str, list of str]
        By breakdown, the level of each member.
    """

    customers: list[str]
    arm: npt.NDArray[Any]
    cluster: Ints
    has_term: Flags
    ripe: Flags
    renewed: Flags
    premium: Floats
    margin: Floats
    all_ripe: Ints
    all_renewed: Ints
    all_premium: Floats
    all_margin: Floats
    cost: Floats
    probability: Floats
    contacted: Flags
    received: Flags
    others: Ints
    service: Ints
    harms: Mapping[str, Flags]
    levels: Mapping[str, list[str]]

    def of_arm(self, name: str) -> Flags:
        """Mark the members of an arm."""
        return np.asarray(self.arm == name)


def gather_rows(
    lake: Lake,
    records: Records,
    name: str,
    as_of: date,
    branches: Collection[str] | None = None,
    *,
    with_terms: bool = True,
) -> tuple[Campaign, CampaignRows]:
    """Gather the members of a campaign with what came of them by a date.

    Parameters
    ----------
    lake : Lake
        The home with policies and complaints.
    records : Records
        The home's campaigns, contacts and outcomes.
    name : str
        The campaign.
    as_of : date
        Last day whose records are read.
    branches : collection of str, optional
        Only members of these branches. Default: all.
    with_terms : bool
        Whether to read what came of their terms; without it nothing is ripe.

    Raises
    ------
    CampaignStateError
        If there is no such campaign, it was not launched by then, or nobody is drawn.
    """
    end = cutoff(as_of, lake.settings.timezone)
    with records.reading(LONG_SECONDS) as connection:
        campaign = find_campaign(connection, name)
        launched = campaign.launched_at
        if launched is None or launched >= end:
            fault = f"was not launched by {as_of}"
            raise CampaignStateError(
                f"campaign {name}",
                fault,
                "launch it, or ask for a later day",
                chinese=(f"活动 {name}", f"在 {as_of} 还没有启动", "请先启动，或选晚一些的日期"),
            )
        drawn = [dict(row) for row in read_drawn(connection, name, branches)]
        if not drawn:
            fault, cure = "has no member that you may see", "ask for your own branches"
            chinese = f"活动 {name}", "没有您能看到的客户", "请看本机构的活动"
            raise NoMembersError(f"campaign {name}", fault, cure, chinese=chinese)
        customers = [str(row["customer_id"]) for row in drawn]
        sent, reports = _read_contacts(connection, customers, launched, end)
    reads_terms = with_terms and lake.has("policies")
    terms: dict[str, MemberTerms] = {}
    if reads_terms:
        terms = read_terms(lake, customers, launched, as_of, campaign.plan.ends_on)
    complaints = _complaints(lake, customers, launched, end)
    return campaign, _rows(campaign, drawn, terms, sent, reports, complaints)


def _read_contacts(
    connection: Connection, customers: Sequence[str], since: datetime, until: datetime
) -> tuple[list[Any], list[Any]]:
    sent: list[Any] = []
    reports: list[Any] = []
    for start in range(0, len(customers), BATCH_CUSTOMERS):
        part = {"customers": customers[start : start + BATCH_CUSTOMERS]}
        given = part | {"since": since, "until": until}
        sent += connection.execute(_SENT, given).all()
        reports += connection.execute(_OUTCOMES, given).all()
    return sent, reports


def _complaints(lake: Lake, customers: Sequence[str], since: datetime, until: datetime) -> set[str]:
    """Find the customers who complained in a span of time, as known at its end."""
    if not lake.has("surveys_and_complaints"):
        return set()
    query = (
        "SELECT DISTINCT customer_id FROM "
        f"read_parquet({sql_text(lake.require('surveys_and_complaints'))}) "
        f"WHERE kind = 'complaint' AND {known_sql(until)} "
        f"AND occurred_at >= {instant_sql(since)} AND occurred_at < {instant_sql(until)}"
    )
    complained = {str(customer) for (customer,) in lake.con.execute(query).fetchall()}
    return complained & set(customers)


def _rows(
    campaign: Campaign,
    drawn: Sequence[Mapping[str, Any]],
    terms: Mapping[str, MemberTerms],
    sent: Sequence[Any],
    reports: Sequence[Any],
    complaints: Collection[str],
) -> CampaignRows:
    plan = campaign.plan
    size = len(drawn)
    place = {str(row["customer_id"]): number for number, row in enumerate(drawn)}
    cost, ours = np.zeros(size), set[str]()
    contacted, received = np.zeros(size, bool), np.zeros(size, bool)
    others, service = np.zeros(size, np.int64), np.zeros(size, np.int64)
    for contact in sent:
        number = place[contact.customer_id]
        if contact.campaign == plan.campaign:
            ours.add(contact.contact_id)
            contacted[number] = True
            cost[number] += plan.contact_cost if contact.cost is None else float(contact.cost)
        elif contact.purpose == "service":
            service[number] += 1
        else:
            others[number] += 1
    harms = {name: np.zeros(size, bool) for name in HARMS}
    for outcome in reports:
        number = place[outcome.customer_id]
        if outcome.contact_id in ours and outcome.kind in REACHED:
            received[number] = True
        if outcome.kind in harms:
            harms[outcome.kind][number] = True
    for customer in complaints:
        harms["complained"][place[customer]] = True
    known = [terms.get(str(row["customer_id"])) for row in drawn]
    renewed = np.array([term is not None and term.renewed for term in known], bool)
    all_renewed = np.array([0 if term is None else term.all_renewed for term in known], np.int64)
    margins = _filled([row["margin"] for row in drawn], plan.worth)
    units = [row["household"] or row["customer_id"] for row in drawn]
    _, cluster = np.unique(units, return_inverse=True)
    return CampaignRows(
        customers=list(place),
        arm=np.array([row["arm"] for row in drawn]),
        cluster=cluster.astype(np.int64),
        has_term=np.array([term is not None for term in known], bool),
        ripe=np.array([term is not None and term.ripe for term in known], bool),
        renewed=renewed,
        premium=np.array([0.0 if term is None else term.premium for term in known]),
        margin=margins * renewed - cost,
        all_ripe=np.array([0 if term is None else term.all_ripe for term in known], np.int64),
        all_renewed=all_renewed,
        all_premium=np.array([0.0 if term is None else term.all_premium for term in known]),
        all_margin=margins * all_renewed - cost,
        cost=cost,
        probability=_filled([row["probability"] for row in drawn], None),
        contacted=contacted,
        received=received,
        others=others,
        service=service,
        harms=harms,
        levels={
            name: ["" if row[name] is None else str(row[name]) for row in drawn]
            for name in ("star", "segment", "branch")
        },
    )


def _filled(values: Sequence[float | None], instead: float | None) -> Floats:
    """Fill gaps with a value, or with the mean of the others; 0 where there is none."""
    known = [value for value in values if value is not None]
    blank = instead if instead is not None else (sum(known) / len(known) if known else 0.0)
    return np.array([blank if value is None else value for value in values], float)
