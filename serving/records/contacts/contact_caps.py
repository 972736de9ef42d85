"""How often and when a customer may be contacted: `contact_caps.toml`, and what a home replaces.

These are the rules as people write them. Whatever is wrong with them is reported with the file, the
rule and the field; how they hold for a contact is in `serving.records.contacts.cap_rules`.
"""

import difflib
from datetime import time, timedelta
from pathlib import Path
from typing import Any, Literal, Self
from zoneinfo import available_timezones

from pydantic import Field, ValidationError, field_validator, model_validator

from features.contracts.vocabulary import CONTACT_CHANNELS
from features.declared import Declared, read_toml
from features.errors import GuanjiaError
from features.tags.relations.touchpoint_families import FAMILIES, OTHER

SHIPPED = Path(__file__).with_name("contact_caps.toml")
Purpose = Literal["marketing", "service"]
Period = Literal["day", "week", "month"]
DAYS: dict[Period, int] = {"day": 1, "week": 7, "month": 31}
SAME_CAMPAIGN = "*"
SECTIONS = {"rules": "rule", "quiet_hours": "quiet hours", "time_zones": "time zone"}


class CapRule(Declared):
    """At most so many contacts in so many days.

    Examples
    --------
    >>> CapRule(label="营销短信每月上限", most=2, per="month", channel="sms").days
    31
    """

    label: str = Field(min_length=1, description="Chinese name.")
    most: int = Field(ge=0, le=1000, description="At most so many contacts.")
    per: Period = Field(description="In any 1, 7 or 31 civil days on end.")
    purpose: Purpose | None = Field(default=None, description="Contacts of this purpose alone.")
    channel: str | None = Field(default=None, description="Contacts by this channel alone.")
    family: str | None = Field(default=None, description="Touchpoints of this family alone.")
    campaign: str | None = Field(
        default=None, min_length=1, description="Contacts of this campaign alone; * is any one."
    )
    service_passes: bool = Field(
        default=False, description="Whether service contacts are counted and not held back."
    )

    @field_validator("channel")
    @classmethod
    def _channel_is_known(cls, channel: str | None) -> str | None:
        return channel if channel is None else _known(channel, CONTACT_CHANNELS)

    @field_validator("family")
    @classmethod
    def _family_is_known(cls, family: str | None) -> str | None:
        return family if family is None else _known(family, (*FAMILIES, OTHER))

    @property
    def days(self) -> int:
        """How many civil days it looks at."""
        return DAYS[self.per]


class QuietHours(Declared):
    """Hours of the day at which a channel is silent; over midnight if it begins after it ends."""

    label: str = Field(min_length=1, description="Chinese name.")
    begins: time = Field(description="First moment of silence, in the customer's time zone.")
    ends: time = Field(description="First moment after it.")
    service_passes: bool = Field(default=False, description="Whether service contacts are made.")

    @model_validator(mode="after")
    def _has_a_length(self) -> Self:
        if self.begins == self.ends:
            raise ValueError("quiet hours that begin when they end are none, or the whole day")
        if self.begins.tzinfo or self.ends.tzinfo:
            raise ValueError("quiet hours have no time zone: they are in the customer's")
        return self

    def hold(self, at: time) -> bool:
        """Whether a time of day is quiet.

        Examples
        --------
        >>> night = QuietHours(label="免打扰", begins=time(21), ends=time(9))
        >>> night.hold(time(21)), night.hold(time(8, 59)), night.hold(time(9))
        (True, True, False)
        """
        if self.begins < self.ends:
            return self.begins <= at < self.ends
        return at >= self.begins or at < self.ends


class CoolingOff(Declared):
    """How long no marketing follows a refusal, and an opt-out from one channel on the others."""

    label: str = Field(min_length=1, description="Chinese name.")
    refused_days: int = Field(ge=0, le=3650, description="Days after a refusal.")
    opted_out_days: int = Field(ge=0, le=3650, description="Days after an opt-out.")


class ContactCaps(Declared):
    """All of it."""

    reservation_hours: int = Field(ge=1, le=24 * 31, description="How long a place is kept.")
    rules: dict[str, CapRule] = Field(description="Caps by name.")
    quiet_hours: dict[str, QuietHours] = Field(description="Quiet hours by channel.")
    cooling_off: CoolingOff = Field(description="After a refusal or an opt-out.")
    time_zones: dict[str, str] = Field(description="Time zone by branch.")

    @field_validator("quiet_hours")
    @classmethod
    def _channels_are_known(cls, hours: dict[str, QuietHours]) -> dict[str, QuietHours]:
        for channel in hours:
            _known(channel, CONTACT_CHANNELS)
        return hours

    @field_validator("time_zones")
    @classmethod
    def _zones_are_known(cls, zones: dict[str, str]) -> dict[str, str]:
        for zone in zones.values():
            _known(zone, sorted(available_timezones()))
        return zones

    @property
    def hold(self) -> timedelta:
        """How long a contact keeps its place after the time it is planned for."""
        return timedelta(hours=self.reservation_hours)

    @property
    def longest_days(self) -> int:
        """How many days back a contact may still count."""
        return max((rule.days for rule in self.rules.values()), default=1)


def load_contact_caps(home: Path) -> ContactCaps:
    """The shipped rules, with what `<home>/contact_caps.toml` replaces, adds and leaves out.

    Raises
    ------
    GuanjiaError
        If the file is not TOML, names an unknown field, channel or time zone, or a value is out of
        range: with file, rule and field.
    """
    found, own = read_toml(SHIPPED), home / SHIPPED.name
    if own.exists():
        found = _replaced(own, found, read_toml(own))
    try:
        return ContactCaps.model_validate(found)
    except ValidationError as fault:
        raise _named(own, fault) from fault


def _replaced(own: Path, shipped: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """The shipped values with single ones replaced; `false` in place of a table leaves it out."""
    found = dict(shipped)
    for name, value in changes.items():
        before = shipped.get(name)
        if isinstance(value, dict) and isinstance(before, dict):
            found[name] = _replaced(own, before, value)
        elif value is False and isinstance(before, dict):
            del found[name]
        elif (
            value is False and before is None and any(isinstance(v, dict) for v in shipped.values())
        ):
            near = difflib.get_close_matches(name, shipped, n=1) or list(shipped)
            cure = f"did you mean {', '.join(near)}?"
            raise GuanjiaError(f"{own}, {name}", "is left out, and not there", cure)
        else:
            found[name] = value
    return found


def _named(path: Path, fault: ValidationError) -> GuanjiaError:
    """The fault with the rule and the field it is about."""
    faults = fault.errors(include_url=False)
    # A field that is misspelt is missing too: say which it was.
    first = next((one for one in faults if one["type"] == "extra_forbidden"), faults[0])
    place = [str(part) for part in first["loc"]]
    thing = f"{path}"
    if place and place[0] in SECTIONS and len(place) > 1:
        thing += f", {SECTIONS[place[0]]} {place[1]}"
        del place[:2]
    elif place and place[0] == "cooling_off" and len(place) > 1:
        thing += ", cooling_off"
        del place[:1]
    thing += f", field {'.'.join(place)}" if place else ""
    why = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        known = _fields(first["loc"])
        near = difflib.get_close_matches(place[-1], known, n=1) or known
        return GuanjiaError(thing, "is not known", f"did you mean {', '.join(near)}?")
    if first["type"] == "missing":
        cure = f"write it as {SHIPPED.name} has it; only what is there already may be given in part"
        return GuanjiaError(thing, "is missing", cure)
    return GuanjiaError(thing, why, "mend it, or delete it to have the default")


def _fields(place: tuple[int | str, ...]) -> list[str]:
    """The fields there are where an unknown one was found."""
    inner: dict[int | str, type[Declared]] = {
        "rules": CapRule,
        "quiet_hours": QuietHours,
        "cooling_off": CoolingOff,
    }
    return list((inner[place[0]] if len(place) > 1 else ContactCaps).model_fields)


def _known(name: str, names: Any) -> str:
    if name not in names:
        near = difflib.get_close_matches(name, names, n=3) or list(names)[:8]
        raise ValueError(f"{name} is not known; did you mean {', '.join(near)}?")
    return name
