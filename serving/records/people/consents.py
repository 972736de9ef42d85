"""What a customer consents to: every change kept, the latest word holds.

Purposes are those of the raw table of consents; marketing may be said of a single channel as well.
The rules, each on the side of the customer:

- A later word holds over an earlier one; of two words of one instant the refusal holds.
- A channel that was refused stays closed until the customer consents to that channel: a consent to
  marketing as such does not open it. A refusal of marketing closes every channel that was not
  consented to afterwards.
- Beside the records there is what the core system knows (`Base`), mostly without the instant at
  which it was said. Its refusal counts as said at the last moment; its consent does not undo a
  refusal that is kept here. Of channels it knows opt-outs alone: they hold until there is a word
  on the channel here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple

from sqlalchemy import Connection, bindparam, select

from features.contracts.vocabulary import CONTACT_CHANNELS
from features.errors import GuanjiaError, did_you_mean
from serving.records.columns import new_id
from serving.records.once import content_hash, write_once
from serving.records.tables import consent_changes

Purpose = Literal["marketing", "profiling", "location"]
PURPOSES: tuple[Purpose, ...] = ("marketing", "profiling", "location")
_c = consent_changes.c
_SAID = select(_c.purpose, _c.channel, _c.granted, _c.changed_at, _c.recorded_at).where(
    (_c.customer_id == bindparam("customer_id")) | (_c.customer_id == bindparam("erased_as"))
)
_EVERYBODY = select(_c.customer_id, _c.purpose, _c.granted, _c.changed_at).where(
    _c.channel.is_(None),
    (_c.purpose == "marketing") | (_c.purpose == "profiling"),
    _c.recorded_at <= bindparam("at"),
    _c.changed_at <= bindparam("at"),
)


@dataclass(frozen=True)
class ConsentChange:
    """What a customer said, and when.

    Parameters
    ----------
    channel : str, optional
        Marketing by this channel alone; None: by every channel.
    source : str
        Where it was said: an endpoint, an answer to a contact, a branch.
    """

    customer_id: str
    purpose: Purpose
    granted: bool
    changed_at: datetime
    channel: str | None = None
    source: str = "customer"


@dataclass(frozen=True)
class Changed:
    """A change that is kept; `repeated` if it had been there before."""

    change_id: str
    repeated: bool


@dataclass(frozen=True)
class Word:
    """Yes or no, and when it was said."""

    granted: bool
    changed_at: datetime


class Said(NamedTuple):
    """A change that is kept, as the records have it."""

    purpose: str
    channel: str | None
    granted: bool
    changed_at: datetime
    recorded_at: datetime


@dataclass(frozen=True)
class Base:
    """What the core system knows of a customer's consents: tags, and until when they know.

    Parameters
    ----------
    known_until : datetime
        What was recorded later is not in them.
    opted_out : frozenset of str
        Channels the customer ever opted out of.
    changed_at : mapping of purpose to datetime
        When the customer said so, where that is known.
    """

    known_until: datetime
    marketing: bool | None = None
    profiling: bool | None = None
    location: bool | None = None
    opted_out: frozenset[str] = frozenset()
    changed_at: Mapping[str, datetime] = field(default_factory=dict)

    def value(self, purpose: Purpose) -> bool | None:
        """The word on a purpose."""
        found: bool | None = getattr(self, purpose)
        return found


@dataclass(frozen=True)
class Consents:
    """A customer's latest words: yes, no, or None where nothing was said.

    Parameters
    ----------
    channels : dict of str to bool
        Whether marketing may come by a channel of which something was said.
    """

    marketing: bool | None
    profiling: bool | None
    location: bool | None
    channels: dict[str, bool]

    def marketing_by(self, channel: str) -> bool | None:
        """Whether marketing may come by a channel."""
        return self.channels.get(channel, self.marketing)


def change(
    connection: Connection,
    told: ConsentChange,
    at: datetime,
    *,
    client_key: str | None = None,
    outcome_id: str | None = None,
) -> Changed:
    """Keep a change of a consent.

    A change said to lie ahead of `at` holds from `at`: a clock that is ahead must not delay an
    opt-out.

    Parameters
    ----------
    at : datetime
        When it reached us.
    client_key : str, optional
        The same key and content again changes nothing.

    Raises
    ------
    GuanjiaError
        If the purpose or channel is not known, or a channel goes with another purpose.
    ClientKeyConflictError
        If the key was sent with other content.
    """
    if told.purpose not in PURPOSES:
        cure = did_you_mean(told.purpose, PURPOSES)
        raise GuanjiaError(f"purpose {told.purpose}", "is not known", cure)
    if told.channel is not None and told.purpose != "marketing":
        cure = "leave the channel out"
        raise GuanjiaError(f"consent to {told.purpose}", "has a channel", cure)
    if told.channel is not None and told.channel not in CONTACT_CHANNELS:
        cure = did_you_mean(told.channel, CONTACT_CHANNELS)
        raise GuanjiaError(f"channel {told.channel}", "is not known", cure)
    change_id = new_id(at)
    row = {
        "change_id": change_id,
        "client_key": client_key,
        "content_hash": content_hash(asdict(told)) if client_key else None,
        **asdict(told),
        "changed_at": min(told.changed_at, at),
        "recorded_at": at,
        "outcome_id": outcome_id,
    }
    found = write_once(connection, consent_changes, row)
    return Changed(change_id, False) if found is None else Changed(found["change_id"], True)


def as_of(
    connection: Connection,
    customer_id: str,
    at: datetime,
    base: Base | None = None,
    erased_as: str | None = None,
) -> Consents:
    """What a customer consented to at an instant; what was recorded later does not exist.

    Parameters
    ----------
    base : Base, optional
        What the core system knows.
    erased_as : str, optional
        What stands for the customer since an erasure (`features.erased`): a refusal outlives it.
    """
    asked = {"customer_id": customer_id, "erased_as": erased_as}
    return consents_of((Said(*row) for row in connection.execute(_SAID, asked)), at, base)


@dataclass(frozen=True)
class Refused:
    """When customers said no, whose latest word on a purpose, of those kept here, it is."""

    marketing: dict[str, datetime] = field(default_factory=dict)
    profiling: dict[str, datetime] = field(default_factory=dict)


def refused_by(connection: Connection, at: datetime) -> Refused:
    """Who refuses marketing as such, and who profiling, at an instant."""
    words: dict[str, dict[str, Word]] = {"marketing": {}, "profiling": {}}
    for customer_id, purpose, granted, changed_at in connection.execute(_EVERYBODY, {"at": at}):
        said, word = words[purpose], Word(granted, changed_at)
        said[customer_id] = latest([said.get(customer_id, word), word])
    return Refused(
        **{
            purpose: {one: word.changed_at for one, word in said.items() if not word.granted}
            for purpose, said in words.items()
        }
    )


def consents_of(said: Iterable[Said], at: datetime, base: Base | None = None) -> Consents:
    """What all that a customer said, and what the core system knows, comes to at an instant."""
    words: dict[tuple[str, str | None], list[Word]] = {}
    for one in said:
        if one.recorded_at <= at and one.changed_at <= at:
            found = words.setdefault((one.purpose, one.channel), [])
            found.append(Word(one.granted, one.changed_at))
    last = {key: latest(found) for key, found in words.items()}
    whole = {purpose: _with_base(purpose, last.get((purpose, None)), base) for purpose in PURPOSES}
    spoken = {channel: word for (_, channel), word in last.items() if channel is not None}
    channels = {one: open_to(whole["marketing"], word) for one, word in spoken.items()}
    channels |= {one: False for one in (base.opted_out if base else ()) if one not in spoken}
    granted = {purpose: None if word is None else word.granted for purpose, word in whole.items()}
    return Consents(**granted, channels=channels)


def latest(words: Iterable[Word]) -> Word:
    """The word that holds: the last one, and of one instant the refusal."""
    return max(words, key=lambda word: (word.changed_at, not word.granted))


def open_to(marketing: Word | None, by_channel: Word) -> bool:
    """Whether marketing may come by a channel, from the word on all of it and that on the channel.

    Examples
    --------
    >>> monday, tuesday = datetime(2026, 6, 1), datetime(2026, 6, 2)
    >>> open_to(Word(True, tuesday), Word(False, monday))
    False
    >>> open_to(Word(False, monday), Word(True, tuesday))
    True
    """
    if marketing is None or marketing.granted or not by_channel.granted:
        return by_channel.granted
    return by_channel.changed_at > marketing.changed_at


def _with_base(purpose: Purpose, here: Word | None, base: Base | None) -> Word | None:
    granted = base.value(purpose) if base else None
    if base is None or granted is None:
        return here
    said_at = base.changed_at.get(purpose)
    if here is None or said_at is not None or not granted:
        there = Word(granted, said_at or base.known_until)
        return there if here is None else latest([here, there])
    return here
