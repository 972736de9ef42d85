"""How often and when a customer may be contacted: `contact_caps.toml`, and what a home replaces.

These are the rules as people write them. Whatever is wrong with them is reported with the file, the
rule and the field; how they hold for a contact is in `serving.records.contacts.cap_rules`.
"""

from datetime import time, timedelta
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import available_timezones

from pydantic import Field, model_validator

from features.contracts.vocabulary import CONTACT_CHANNELS
from features.declared import Declared, load_layered, one_of
from features.tags.relations.touchpoint_families import FAMILIES, OTHER

SHIPPED = Path(__file__).with_name("contact_caps.toml")
Purpose = Literal["marketing", "service"]
Period = Literal["day", "week", "month"]
ContactChannel = Annotated[str, one_of(CONTACT_CHANNELS)]
Family = Annotated[str, one_of((*FAMILIES, OTHER))]
TimeZone = Annotated[str, one_of(available_timezones)]
DAYS: dict[Period, int] = {"day": 1, "week": 7, "month": 31}
SAME_CAMPAIGN = "*"


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
    channel: ContactChannel | None = Field(
        default=None, description="Contacts by this channel alone."
    )
    family: Family | None = Field(default=None, description="Touchpoints of this family alone.")
    campaign: str | None = Field(
        default=None, min_length=1, description="Contacts of this campaign alone; * is any one."
    )
    service_passes: bool = Field(
        default=False, description="Whether service contacts are counted and not held back."
    )

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
    quiet_hours: dict[ContactChannel, QuietHours] = Field(description="Quiet hours by channel.")
    cooling_off: CoolingOff = Field(description="After a refusal or an opt-out.")
    time_zones: dict[str, TimeZone] = Field(description="Time zone by branch.")

    @property
    def hold(self) -> timedelta:
        """How long a contact keeps its place after the time it is planned for."""
        return timedelta(hours=self.reservation_hours)

    @property
    def longest_days(self) -> int:
        """How many days back a contact may still count."""
        return max((rule.days for rule in self.rules.values()), default=1)


def load_contact_caps(home: Path) -> ContactCaps:
    """Read the shipped rules, with what `<home>/contact_caps.toml` replaces, adds and leaves out.

    Raises
    ------
    GuanjiaError
        If the file is not TOML, names an unknown field, channel or time zone, or a value is out of
        range: with file and field.
    """
    return load_layered(ContactCaps, home / SHIPPED.name, SHIPPED, manual="docs/records.md")
