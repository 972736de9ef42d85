"""Record changes of consent, and resolve which consents hold at an instant.

Purposes are those of the raw table of consents; consent to marketing may name a single channel.
The rules favour the customer:

- A later change overrides an earlier one; of two changes at one instant the refusal holds.
- A refused channel stays closed until the customer consents to that channel: a consent to
  marketing in general does not open it. A refusal of marketing closes every channel that was not
  consented to afterwards.
- The core system knows consents too (`CoreSystemConsents`), and when they were given: they count
  like those in the records. Where the instant is not known (tags of an earlier release), its
  refusal counts as of the last moment it knows, and its consent overrides no refusal in the
  records. Of an opt-out in answer to a contact the instant is not known either: it holds until the
  records have a change of the channel.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple, TypeVar

from sqlalchemy import Connection, bindparam, insert, select

from features.contracts.vocabulary import CONTACT_CHANNELS
from features.errors import GuanjiaError, did_you_mean
from serving.records.columns import new_id
from serving.records.idempotency import content_hash, insert_once
from serving.records.people.later_consents import recorded_later
from serving.records.tables import consent_changes

Purpose = Literal["marketing", "profiling", "location"]
Key = TypeVar("Key", str, str | None)
PURPOSES: tuple[Purpose, ...] = ("marketing", "profiling", "location")
_c = consent_changes.c
_CHANGES = select(_c.purpose, _c.channel, _c.granted, _c.changed_at, _c.recorded_at).where(
    (_c.customer_id == bindparam("customer_id")) | (_c.customer_id == bindparam("erased_as"))
)


@dataclass(frozen=True)
class ConsentChange:
    """A customer's consent or refusal, to be stored.

    Parameters
    ----------
    channel : str, optional
        Marketing by this channel alone; None: by every channel.
    source : str
        Where it was given: an endpoint, an answer to a contact, a branch.
    """

    customer_id: str
    purpose: Purpose
    granted: bool
    changed_at: datetime
    channel: str | None = None
    source: str = "customer"


@dataclass(frozen=True)
class StoredChange:
    """Id of a stored change; `repeated` if an earlier request with the same key stored it."""

    change_id: str
    repeated: bool


@dataclass(frozen=True)
class Consent:
    """A consent or a refusal, and when it was given."""

    granted: bool
    changed_at: datetime


class ConsentRecord(NamedTuple):
    """A row of `consent_changes`."""

    purpose: str
    channel: str | None
    granted: bool
    changed_at: datetime
    recorded_at: datetime


@dataclass(frozen=True)
class CoreSystemConsents:
    """A customer's consents as the core system knows them, from tags.

    Parameters
    ----------
    known_until : datetime
        Consents recorded later are not included.
    marketing, profiling, location : bool or None
        Consent (True), refusal (False), or not known.
    opted_out : frozenset of str
        Channels the customer ever opted out of.
    changed_at : mapping of purpose to datetime
        When the consent was given or refused, where that is known.
    channels : mapping of str to Consent
        Consents to marketing by one channel.
    """

    known_until: datetime
    marketing: bool | None = None
    profiling: bool | None = None
    location: bool | None = None
    opted_out: frozenset[str] = frozenset()
    changed_at: Mapping[str, datetime] = field(default_factory=dict)
    channels: Mapping[str, Consent] = field(default_factory=dict)

    def value(self, purpose: Purpose) -> bool | None:
        """Return the consent to a purpose; None if not known."""
        granted: bool | None = getattr(self, purpose)
        return granted


@dataclass(frozen=True)
class Consents:
    """The consents of a customer that hold: True, False, or None if never given or refused.

    Parameters
    ----------
    channels : dict of str to bool
        Whether marketing is allowed by a channel, for channels with a consent of their own.
    """

    marketing: bool | None
    profiling: bool | None
    location: bool | None
    channels: dict[str, bool]

    def marketing_by(self, channel: str) -> bool | None:
        """Return whether marketing is allowed by a channel; None if not known."""
        return self.channels.get(channel, self.marketing)


def write_consent(
    connection: Connection,
    change: ConsentChange,
    at: datetime,
    *,
    client_key: str | None = None,
    outcome_id: str | None = None,
) -> StoredChange:
    """Store a change of a consent.

    A change dated after `at` holds from `at`: a clock that is ahead must not delay an opt-out.
    Where a consent to the same purpose was recorded after `at`, the clock was set back since: a
    refusal is stored once more at that instant, or the consent of before would override it then.

    Parameters
    ----------
    connection : Connection
        Of `Records.writing()`.
    change : ConsentChange
        The consent or refusal.
    at : datetime
        When it reached us.
    client_key : str, optional
        A retry with the same key and content changes nothing.
    outcome_id : str, optional
        The outcome from which the change follows.

    Raises
    ------
    GuanjiaError
        If the purpose or channel is not known, or a channel goes with another purpose.
    ClientKeyConflictError
        If the key was used for other content.
    """
    if change.purpose not in PURPOSES:
        cure = did_you_mean(change.purpose, PURPOSES)
        raise GuanjiaError(f"purpose {change.purpose}", "is not known", cure)
    if change.channel is not None and change.purpose != "marketing":
        cure = "leave the channel out: only marketing has channels"
        raise GuanjiaError(f"consent to {change.purpose}", "has a channel", cure)
    if change.channel is not None and change.channel not in CONTACT_CHANNELS:
        cure = did_you_mean(change.channel, CONTACT_CHANNELS)
        raise GuanjiaError(f"channel {change.channel}", "is not known", cure)
    change_id = new_id(at)
    row = {
        "change_id": change_id,
        "client_key": client_key,
        "content_hash": content_hash(asdict(change)) if client_key else None,
        **asdict(change),
        "changed_at": min(change.changed_at, at),
        "recorded_at": at,
        "outcome_id": outcome_id,
    }
    later = (
        None
        if change.granted
        else recorded_later(connection, change.customer_id, change.purpose, at)
    )
    existing = insert_once(connection, consent_changes, row)
    if existing is not None:
        return StoredChange(existing["change_id"], repeated=True)
    if later is not None:
        again = {"change_id": new_id(later), "client_key": None, "content_hash": None}
        times = {"changed_at": later, "recorded_at": later}
        connection.execute(insert(consent_changes), row | again | times)
    return StoredChange(change_id, repeated=False)


def consents_as_of(
    connection: Connection,
    customer_id: str,
    at: datetime,
    core: CoreSystemConsents | None = None,
    erased_as: str | None = None,
) -> Consents:
    """Read the consents of a customer that hold at an instant; later records are ignored.

    Parameters
    ----------
    connection : Connection
        Of the records.
    customer_id : str
        The customer.
    at : datetime
        The instant.
    core : CoreSystemConsents, optional
        The consents that the core system knows.
    erased_as : str, optional
        Mark of an earlier erasure of the customer (`features.erased`): refusals are kept under it.
    """
    rows = connection.execute(_CHANGES, {"customer_id": customer_id, "erased_as": erased_as})
    return resolve_consents((ConsentRecord(*row) for row in rows), at, core)


def resolve_consents(
    records: Iterable[ConsentRecord], at: datetime, core: CoreSystemConsents | None = None
) -> Consents:
    """Resolve which consents of a customer hold at an instant.

    Parameters
    ----------
    records : iterable of ConsentRecord
        All changes of the customer; later ones than `at` are ignored.
    at : datetime
        The instant.
    core : CoreSystemConsents, optional
        The consents that the core system knows.
    """
    consents: dict[tuple[str, str | None], list[Consent]] = {}
    for record in records:
        if record.recorded_at <= at and record.changed_at <= at:
            same = consents.setdefault((record.purpose, record.channel), [])
            same.append(Consent(record.granted, record.changed_at))
    latest = {key: latest_consent(same) for key, same in consents.items()}
    overall = {
        purpose: _with_core_system(purpose, latest.get((purpose, None)), core)
        for purpose in PURPOSES
    }
    recorded = {channel: consent for (_, channel), consent in latest.items() if channel is not None}
    by_channel = recorded if core is None else merge_consents(recorded, core.channels)
    channels = {
        channel: is_channel_open(overall["marketing"], consent)
        for channel, consent in by_channel.items()
    }
    opted_out = core.opted_out if core else ()
    channels |= {channel: False for channel in opted_out if channel not in recorded}
    granted = {
        purpose: None if consent is None else consent.granted
        for purpose, consent in overall.items()
    }
    return Consents(**granted, channels=channels)


def latest_consent(consents: Iterable[Consent]) -> Consent:
    """Choose the consent that holds: the last one; of several at one instant the refusal."""
    return max(consents, key=lambda consent: (consent.changed_at, not consent.granted))


def merge_consents(
    consents: Mapping[Key, Consent], others: Mapping[Key, Consent]
) -> dict[Key, Consent]:
    """Merge consents by what they are to; of two to the same the one that holds stays."""
    both = {key: latest_consent([consents[key], others[key]]) for key in consents.keys() & others}
    return {**consents, **others, **both}


def is_channel_open(marketing: Consent | None, by_channel: Consent) -> bool:
    """Decide whether a channel is open to marketing, from the consents to all and to the channel.

    Examples
    --------
    >>> monday, tuesday = datetime(2026, 6, 1), datetime(2026, 6, 2)
    >>> is_channel_open(Consent(True, tuesday), Consent(False, monday))
    False
    >>> is_channel_open(Consent(False, monday), Consent(True, tuesday))
    True
    """
    if marketing is None or marketing.granted or not by_channel.granted:
        return by_channel.granted
    return by_channel.changed_at > marketing.changed_at


def _with_core_system(
    purpose: Purpose, recorded: Consent | None, core: CoreSystemConsents | None
) -> Consent | None:
    """Merge the recorded consent to a purpose with that of the core system."""
    granted = core.value(purpose) if core else None
    if core is None or granted is None:
        return recorded
    changed_at = core.changed_at.get(purpose)
    if recorded is None or changed_at is not None or not granted:
        theirs = Consent(granted, changed_at or core.known_until)
        return theirs if recorded is None else latest_consent([recorded, theirs])
    return recorded
