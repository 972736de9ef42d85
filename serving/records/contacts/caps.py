"""Contact caps that hold whoever asks at once: a contact has its place before it is made.

A place is reserved in the transaction that counts the customer's contacts, one transaction a
customer at a time. It counts until it is released or expires; once sent, for good.
"""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, RowMapping, bindparam, insert, select, update

from features.contracts.tables import CONTACT_CHANNELS
from features.errors import GuanjiaError, did_you_mean
from serving.records.columns import new_id
from serving.records.contacts.cap_rules import Asked, Block, first_block, next_free
from serving.records.contacts.contact_caps import ContactCaps, Purpose
from serving.records.contacts.history import History, contact_history
from serving.records.database import hold_customer
from serving.records.once import content_hash, earlier
from serving.records.tables import contacts

_k = contacts.c
_INSERT = insert(contacts)
_FIND = select(contacts).where(_k.contact_id == bindparam("one"))
_RELEASE = (
    update(contacts)
    .where(_k.contact_id == bindparam("one"), _k.state == "reserved")
    .values(state="released")
)
_SETTLE = update(contacts).where(_k.contact_id == bindparam("one"))


class UnknownContactError(GuanjiaError):
    """No contact has this number."""


@dataclass(frozen=True)
class Wanted:
    """A contact somebody wants to make.

    Parameters
    ----------
    family : str
        The touchpoint's family (`features.tags.relations.touchpoint_families.FAMILIES`).
    purpose : {"marketing", "service"}
        "service": a contact that the contract or the law asks for.
    planned_at : datetime
        When it will be made.
    cost : Decimal, optional
        In yuan.
    message : str, optional
        The text as it will be sent.
    """

    customer_id: str
    touchpoint: str
    family: str
    purpose: Purpose
    channel: str
    planned_at: datetime
    branch: str | None = None
    campaign: str | None = None
    account_manager_id: str | None = None
    cost: Decimal | None = None
    message: str | None = None


@dataclass(frozen=True)
class Reservation:
    """A contact that has its place; `repeated` if it had it before."""

    contact_id: str
    planned_at: datetime
    reserved_until: datetime
    repeated: bool = False


@dataclass(frozen=True)
class Refusal:
    """A contact that may not be made, and the rule that says so.

    Parameters
    ----------
    rule, label : str
        Its name and its Chinese name.
    chinese, english : str
        What it says.
    next_at : datetime or None
        From when on no rule would hold it back, as far as is known now; None: never.
    """

    rule: str
    label: str
    chinese: str
    english: str
    next_at: datetime | None


class Caps:
    """The rules, as they hold for the contacts in the records.

    Parameters
    ----------
    rules : ContactCaps
        What may be done (`serving.records.contacts.contact_caps.load_contact_caps`).
    timezone : str
        The insurer's time zone, for branches that have none of their own.
    """

    def __init__(self, rules: ContactCaps, timezone: str) -> None:
        self.rules = rules
        self._default = ZoneInfo(timezone)
        self._zones: dict[str | None, ZoneInfo] = {
            branch: ZoneInfo(zone) for branch, zone in rules.time_zones.items()
        }
        self._span = timedelta(days=rules.longest_days)
        cooling = rules.cooling_off
        self._cooling = timedelta(days=max(cooling.refused_days, cooling.opted_out_days))

    def reserve(
        self,
        connection: Connection,
        wanted: Wanted,
        at: datetime,
        *,
        decision_id: str | None = None,
        client_key: str | None = None,
    ) -> Reservation | Refusal:
        """Give a contact its place, or say which rule holds it back.

        Parameters
        ----------
        connection : Connection
            Of `Records.writing()`.
        at : datetime
            Now.
        client_key : str, optional
            The same key and contact again gives the first reservation.

        Raises
        ------
        ClientKeyConflictError
            If the key was sent with another contact.
        GuanjiaError
            If the channel is not known.
        """
        hold_customer(connection, wanted.customer_id)
        content = content_hash(asdict(wanted)) if client_key else ""
        found = earlier(connection, contacts, client_key, content)
        if found is not None:
            return Reservation(
                found["contact_id"], found["planned_at"], found["reserved_until"], repeated=True
            )
        asked = self._asked(wanted)
        local_day = wanted.planned_at.astimezone(asked.zone).date()
        history = self.history(connection, wanted.customer_id, at, local_day)
        refusal = self._refusal(history, asked, wanted.planned_at)
        if refusal is not None:
            return refusal
        until = max(wanted.planned_at, at) + self.rules.hold
        row = {
            "contact_id": new_id(at),
            "client_key": client_key,
            "content_hash": content or None,
            "decision_id": decision_id,
            **vars(wanted),
            "time_zone": asked.zone.key,
            "local_day": local_day,
            "state": "reserved",
            "reserved_at": at,
            "reserved_until": until,
        }
        connection.execute(_INSERT, row)
        return Reservation(str(row["contact_id"]), wanted.planned_at, until)

    def blocked(
        self, connection: Connection, customer_id: str, at: datetime, candidates: Sequence[Wanted]
    ) -> list[Block | None]:
        """For each of several contacts of one customer, what holds it back; nothing is reserved."""
        if not candidates:
            return []
        first = min(one.planned_at.astimezone(self._asked(one).zone).date() for one in candidates)
        return self.judge(self.history(connection, customer_id, at, first), candidates)

    def history(
        self,
        connection: Connection,
        customer_id: str,
        at: datetime,
        first: date,
        erased_as: str | None = None,
    ) -> History:
        """What the rules must know to judge contacts on `first` and later, in one query.

        It has every contact that counts, service too, and every word on consents.
        """
        since = first - self._span
        return contact_history(connection, customer_id, at, since, self._cooling, erased_as)

    def judge(self, history: History, candidates: Sequence[Wanted]) -> list[Block | None]:
        """For each contact, what holds it back in view of a history."""
        return [
            first_block(self.rules, history, self._asked(one), one.planned_at) for one in candidates
        ]

    def _asked(self, wanted: Wanted) -> Asked:
        if wanted.channel not in CONTACT_CHANNELS:
            cure = did_you_mean(wanted.channel, CONTACT_CHANNELS)
            raise GuanjiaError(f"channel {wanted.channel}", "is not known", cure)
        zone = self._zones.get(wanted.branch, self._default)
        return Asked(wanted.family, wanted.purpose, wanted.channel, wanted.campaign, zone)

    def _refusal(self, history: History, asked: Asked, at: datetime) -> Refusal | None:
        block: Block | None = first_block(self.rules, history, asked, at)
        if block is None:
            return None
        free = next_free(self.rules, history, asked, at)
        return Refusal(block.rule, block.label, block.chinese, block.english, free)


def release(connection: Connection, contact_id: str) -> bool:
    """Give a place back; whether the contact had one. What was sent stays sent.

    Raises
    ------
    UnknownContactError
        If there is no such contact.
    """
    done = connection.execute(_RELEASE, {"one": contact_id}).rowcount == 1
    if not done:
        find_contact(connection, contact_id)
    return done


def mark_sent(connection: Connection, contact_id: str, at: datetime) -> None:
    """Note that a contact was made at `at`; it counts on the day it was made, and for good.

    Also where its place had expired or was released: what happened, happened.

    Raises
    ------
    UnknownContactError
        If there is no such contact.
    """
    _settle(connection, contact_id, "sent", at)


def mark_not_sent(connection: Connection, contact_id: str) -> None:
    """Note that a contact was not made, though it may have been told that it was.

    Raises
    ------
    UnknownContactError
        If there is no such contact.
    """
    _settle(connection, contact_id, "released", None)


def _settle(connection: Connection, contact_id: str, state: str, sent_at: datetime | None) -> None:
    found = find_contact(connection, contact_id)
    at = sent_at or found["planned_at"]
    day = at.astimezone(ZoneInfo(found["time_zone"])).date()
    given = {"one": contact_id, "state": state, "sent_at": sent_at, "local_day": day}
    connection.execute(_SETTLE, given)


def find_contact(
    connection: Connection, contact_id: str, branches: Collection[str] | None = None
) -> RowMapping:
    """A contact's row.

    Parameters
    ----------
    branches : collection of str, optional
        Contacts of other branches are unknown.

    Raises
    ------
    UnknownContactError
        If there is no such contact.
    """
    found = connection.execute(_FIND, {"one": contact_id}).mappings().first()
    if found is None or not (branches is None or found["branch"] in branches):
        cure = "send the contact_id that the decision gave"
        raise UnknownContactError(f"contact {contact_id}", "is not known", cure)
    return found
