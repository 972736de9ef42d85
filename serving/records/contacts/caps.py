"""Enforce the contact caps under concurrency: a contact reserves its place before it is made.

The transaction that reads the customer's contacts also writes the reservation, under the
customer's lock (`lock_customer`). A reservation counts until it is released or expires; a sent
contact counts for good.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, RowMapping, bindparam, insert, select, update

from features.contracts.vocabulary import CONTACT_CHANNELS
from features.errors import GuanjiaError, did_you_mean
from serving.records.columns import new_id
from serving.records.contacts.cap_rules import Block, ContactTraits, next_free, strongest_block
from serving.records.contacts.contact_caps import ContactCaps, Purpose
from serving.records.contacts.history import History, contact_history
from serving.records.contacts.marketing_left import marketing_bounds
from serving.records.idempotency import content_hash, find_by_key
from serving.records.tables import contacts

_k = contacts.c
_INSERT = insert(contacts)
_FIND = select(contacts).where(_k.contact_id == bindparam("number"))
_SET_STATE = update(contacts).where(_k.contact_id == bindparam("number"))


class UnknownContactError(GuanjiaError):
    """No contact has this number."""


@dataclass(frozen=True)
class ContactRequest:
    """A contact for which a reservation is requested.

    Parameters
    ----------
    family : str
        The touchpoint's family (`features.tags.relations.touchpoint_families.FAMILIES`).
    purpose : {"marketing", "service"}
        "service": a contact that the contract or the law requires.
    planned_at : datetime
        When it will be made.
    cost : Decimal, optional
        In yuan.
    message : str, optional
        The text as it will be sent.
    inbound : bool
        Whether the customer came to us: quiet hours do not hold the contact back.
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
    inbound: bool = False


@dataclass(frozen=True)
class Reservation:
    """A reserved contact; `repeated` if an earlier request with the same key reserved it."""

    contact_id: str
    planned_at: datetime
    reserved_until: datetime
    repeated: bool = False


class ContactRefusedError(GuanjiaError):
    """A rule blocks a contact.

    Attributes
    ----------
    rule, label : str
        Name of the rule, and its Chinese name.
    next_at : datetime or None
        First instant at which no rule would block the contact; None: never.
    """

    def __init__(self, contact: ContactRequest, block: Block, next_at: datetime | None) -> None:
        self.rule, self.label, self.next_at = block.rule, block.label, next_at
        cure = f"plan it for {next_at.isoformat()}" if next_at else "leave the customer in peace"
        thing = f"{contact.purpose} contact {contact.touchpoint} by {contact.channel}"
        fault = f"is held back by {block.rule}: {block.english}"
        chinese_cure = f"请改到 {next_at:%Y-%m-%d %H:%M} 之后" if next_at else "请不要联系"
        chinese = f"触点 {contact.touchpoint}", block.chinese, chinese_cure
        super().__init__(thing, fault, cure, chinese=chinese)


class Caps:
    """Apply the cap rules to the contacts in the records, and reserve contacts.

    Parameters
    ----------
    rules : ContactCaps
        The rules (`serving.records.contacts.contact_caps.load_contact_caps`).
    timezone : str
        The insurer's time zone, for branches that have none of their own.
    """

    def __init__(self, rules: ContactCaps, timezone: str) -> None:
        self.rules = rules
        self.marketing = marketing_bounds(rules)
        self._default = ZoneInfo(timezone)
        self._zones: dict[str | None, ZoneInfo] = {
            branch: ZoneInfo(zone) for branch, zone in rules.time_zones.items()
        }
        self._span = timedelta(days=rules.longest_days)
        cooling = rules.cooling_off
        self._cooling = timedelta(days=max(cooling.refused_days, cooling.opted_out_days))

    def history(
        self,
        connection: Connection,
        customer_id: str,
        at: datetime,
        branch: str | None = None,
        erased_as: str | None = None,
        memory: timedelta = timedelta(0),
        certain: datetime | None = None,
    ) -> History:
        """Read in one statement the history that the rules need for contacts from `at` on.

        Parameters
        ----------
        connection : Connection
            To reserve a contact: of `Records.writing()`, after `lock_customer`.
        customer_id : str
            The customer.
        at : datetime
            Now; reservations that have expired by then do not count.
        branch : str, optional
            The customer's branch; its time zone decides the civil days.
        erased_as : str, optional
            Mark of an earlier erasure of the customer (`features.erased`): refusals are kept.
        memory : timedelta
            How far back contacts count as made, and outcomes as won. Default: as the caps look.
        certain : datetime, optional
            The instant by which reservations expire (`serving.clock.certain`). Default: `at`.

        Returns
        -------
        History
            Every contact that counts, service contacts too, and every consent change.
        """
        since = at.astimezone(self.zone(branch)).date() - self._span
        return contact_history(
            connection, customer_id, at, since, self._cooling, erased_as, memory, certain
        )

    def reach(self, at: datetime) -> tuple[date, timedelta]:
        """Return how far back the rules look, in any time zone: a day, and times of peace."""
        return at.astimezone(UTC).date() - self._span - timedelta(days=1), self._cooling

    def traits(
        self,
        family: str,
        purpose: Purpose,
        channel: str,
        campaign: str | None = None,
        branch: str | None = None,
        *,
        inbound: bool = False,
    ) -> ContactTraits:
        """Collect the properties of a contact that the rules look at.

        Parameters
        ----------
        family : str
            The touchpoint's family.
        purpose : {"marketing", "service"}
            What the contact is for.
        channel : str
            One of `CONTACT_CHANNELS`.
        campaign : str, optional
            The campaign it is part of.
        branch : str, optional
            The customer's branch; its time zone decides civil days and quiet hours.
        inbound : bool
            Whether the customer came to us: then quiet hours do not hold the contact back.

        Raises
        ------
        GuanjiaError
            If the channel is not known.
        """
        if channel not in CONTACT_CHANNELS:
            cure = did_you_mean(channel, CONTACT_CHANNELS)
            raise GuanjiaError(f"channel {channel}", "is not known", cure)
        return ContactTraits(family, purpose, channel, campaign, self.zone(branch), inbound)

    def reserve(
        self,
        connection: Connection,
        contact: ContactRequest,
        at: datetime,
        history: History,
        *,
        decision_id: str | None = None,
        client_key: str | None = None,
    ) -> Reservation:
        """Reserve a contact, if the rules allow it.

        Parameters
        ----------
        connection : Connection
            Of `Records.writing()`, after `lock_customer`.
        contact : ContactRequest
            The contact.
        at : datetime
            Now.
        history : History
            History that `Caps.history` read on this connection under the customer's lock; one
            read without the lock may lack a reservation made meanwhile.
        decision_id : str, optional
            The decision that the contact carries out.
        client_key : str, optional
            A retry with the same key and contact returns the first reservation.

        Raises
        ------
        ContactRefusedError
            If a rule blocks it.
        ClientKeyConflictError
            If the key was used for another contact.
        GuanjiaError
            If the channel is not known.
        """
        columns = {name: value for name, value in vars(contact).items() if name != "inbound"}
        content = content_hash(columns) if client_key else ""
        before = find_by_key(connection, contacts, client_key, content)
        if before is not None:
            return Reservation(
                before["contact_id"], before["planned_at"], before["reserved_until"], repeated=True
            )
        traits = self.traits(
            contact.family,
            contact.purpose,
            contact.channel,
            contact.campaign,
            contact.branch,
            inbound=contact.inbound,
        )
        block = strongest_block(self.rules, history, traits, contact.planned_at)
        if block is not None:
            free = next_free(self.rules, history, traits, contact.planned_at)
            raise ContactRefusedError(contact, block, free)
        until = max(contact.planned_at, at) + self.rules.reservation_period
        day = contact.planned_at.astimezone(traits.zone).date()
        row = {
            "contact_id": new_id(at),
            "client_key": client_key,
            "content_hash": content or None,
            "decision_id": decision_id,
            **columns,
            "time_zone": traits.zone.key,
            "planned_day": day,
            "local_day": day,
            "state": "reserved",
            "reserved_at": at,
            "reserved_until": until,
        }
        connection.execute(_INSERT, row)
        return Reservation(str(row["contact_id"]), contact.planned_at, until)

    def zone(self, branch: str | None) -> ZoneInfo:
        """Return the time zone of the customers of a branch."""
        return self._zones.get(branch, self._default)


def mark_sent(connection: Connection, contact_id: str, at: datetime) -> None:
    """Mark a contact as sent: it counts on the day it was made too, and for good.

    A contact whose reservation expired or was released is marked as well: it did happen.

    Parameters
    ----------
    connection : Connection
        Of `Records.writing()`.
    contact_id : str
        The contact.
    at : datetime
        When it was made.

    Raises
    ------
    UnknownContactError
        If there is no such contact.
    """
    _set_state(connection, contact_id, "sent", at)


def mark_not_sent(connection: Connection, contact_id: str) -> None:
    """Release a contact that was not made, even if it was reported as sent before.

    Raises
    ------
    UnknownContactError
        If there is no such contact.
    """
    _set_state(connection, contact_id, "released", None)


def _set_state(
    connection: Connection, contact_id: str, state: str, sent_at: datetime | None
) -> None:
    contact = find_contact(connection, contact_id)
    at = sent_at or contact["planned_at"]
    day = at.astimezone(ZoneInfo(contact["time_zone"])).date()
    columns = {"state": state, "sent_at": sent_at, "local_day": day}
    connection.execute(_SET_STATE, columns | {"number": contact_id})


def find_contact(
    connection: Connection, contact_id: str, branches: Collection[str] | None = None
) -> RowMapping:
    """Find the row of a contact.

    Parameters
    ----------
    connection : Connection
        Of the records.
    contact_id : str
        The contact.
    branches : collection of str, optional
        Branches that the caller may see; contacts of others are unknown to them. Default: all.

    Raises
    ------
    UnknownContactError
        If there is no such contact.
    """
    row = connection.execute(_FIND, {"number": contact_id}).mappings().first()
    if row is None or not (branches is None or row["branch"] in branches):
        cure = "send the contact_id of an answer of `/decide`"
        raise UnknownContactError(f"contact {contact_id}", "is not known", cure)
    return row
