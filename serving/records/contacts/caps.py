"""Contact caps that hold whoever asks at once: a contact has its place before it is made.

A place is reserved in the transaction that reads the customer's contacts, one transaction a
customer at a time (`hold_customer`). It counts until it is released or expires; once sent, for
good.
"""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, RowMapping, bindparam, insert, select, update

from features.contracts.vocabulary import CONTACT_CHANNELS
from features.errors import GuanjiaError, did_you_mean
from serving.records.columns import new_id
from serving.records.contacts.cap_rules import Block, ContactTraits, first_block, next_free
from serving.records.contacts.contact_caps import ContactCaps, Purpose
from serving.records.contacts.history import History, contact_history
from serving.records.once import content_hash, earlier
from serving.records.tables import contacts

_k = contacts.c
_INSERT = insert(contacts)
_FIND = select(contacts).where(_k.contact_id == bindparam("one"))
_SETTLE = update(contacts).where(_k.contact_id == bindparam("one"))


class UnknownContactError(GuanjiaError):
    """No contact has this number."""


@dataclass(frozen=True)
class ContactRequest:
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


class ContactRefusedError(GuanjiaError):
    """A rule holds a contact back.

    Attributes
    ----------
    rule, label : str
        Name of the rule, and its Chinese name.
    chinese, english : str
        What the rule says.
    next_at : datetime or None
        From when on no rule would hold the contact back, as far as is known now; None: never.
    """

    def __init__(self, contact: ContactRequest, block: Block, next_at: datetime | None) -> None:
        self.rule, self.label = block.rule, block.label
        self.chinese, self.english, self.next_at = block.chinese, block.english, next_at
        cure = f"plan it for {next_at.isoformat()}" if next_at else "leave the customer in peace"
        thing = f"{contact.purpose} contact {contact.touchpoint} by {contact.channel}"
        super().__init__(thing, f"is held back by {block.rule}: {block.english}", cure)


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

    def history(
        self,
        connection: Connection,
        customer_id: str,
        at: datetime,
        branch: str | None = None,
        erased_as: str | None = None,
    ) -> History:
        """Read in one statement what the rules must know to judge contacts from `at` on.

        Parameters
        ----------
        connection : Connection
            Of `Records.writing()`, if a contact will be reserved: after `hold_customer`.
        customer_id : str
            The customer.
        at : datetime
            Now; reservations that have expired by then do not count.
        branch : str, optional
            The customer's branch, in whose time zone days are counted.
        erased_as : str, optional
            What stands for the customer since an erasure (`features.erased`): refusals outlive it.

        Returns
        -------
        History
            Every contact that counts, service contacts too, and every word on consents.
        """
        since = at.astimezone(self._zone(branch)).date() - self._span
        return contact_history(connection, customer_id, at, since, self._cooling, erased_as)

    def traits(
        self,
        family: str,
        purpose: Purpose,
        channel: str,
        campaign: str | None = None,
        branch: str | None = None,
    ) -> ContactTraits:
        """Say of a contact what the rules look at.

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
            The customer's branch, in whose time zone days and quiet hours are counted.

        Raises
        ------
        GuanjiaError
            If the channel is not known.
        """
        if channel not in CONTACT_CHANNELS:
            cure = did_you_mean(channel, CONTACT_CHANNELS)
            raise GuanjiaError(f"channel {channel}", "is not known", cure)
        return ContactTraits(family, purpose, channel, campaign, self._zone(branch))

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
        """Give a contact its place, if the history leaves one.

        Parameters
        ----------
        connection : Connection
            Of `Records.writing()`, in which `hold_customer` was called.
        contact : ContactRequest
            The contact.
        at : datetime
            Now.
        history : History
            What `Caps.history` read on this connection since; a history read without the
            customer's lock may lack a place that was given meanwhile.
        decision_id : str, optional
            The decision that it carries out.
        client_key : str, optional
            The same key and contact again gives the first reservation.

        Raises
        ------
        ContactRefusedError
            If a rule holds it back.
        ClientKeyConflictError
            If the key was sent with another contact.
        GuanjiaError
            If the channel is not known.
        """
        content = content_hash(asdict(contact)) if client_key else ""
        before = earlier(connection, contacts, client_key, content)
        if before is not None:
            return Reservation(
                before["contact_id"], before["planned_at"], before["reserved_until"], repeated=True
            )
        traits = self.traits(
            contact.family, contact.purpose, contact.channel, contact.campaign, contact.branch
        )
        block = first_block(self.rules, history, traits, contact.planned_at)
        if block is not None:
            free = next_free(self.rules, history, traits, contact.planned_at)
            raise ContactRefusedError(contact, block, free)
        until = max(contact.planned_at, at) + self.rules.hold
        row = {
            "contact_id": new_id(at),
            "client_key": client_key,
            "content_hash": content or None,
            "decision_id": decision_id,
            **vars(contact),
            "time_zone": traits.zone.key,
            "local_day": contact.planned_at.astimezone(traits.zone).date(),
            "state": "reserved",
            "reserved_at": at,
            "reserved_until": until,
        }
        connection.execute(_INSERT, row)
        return Reservation(str(row["contact_id"]), contact.planned_at, until)

    def _zone(self, branch: str | None) -> ZoneInfo:
        return self._zones.get(branch, self._default)


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
