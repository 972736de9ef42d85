"""Load the contact caps: shipped `contact_caps.toml`, overlaid by the file of a home.

A fault is reported with the file, the rule and the field. How the rules apply to a contact is in
`serving.records.contacts.cap_rules`.
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
        """Length of the window in civil days."""
        return DAYS[self.per]


class QuietHours(Declared):
    """Hours of the day without contacts by a channel; they may span midnight."""

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

    def covers(self, at: time) -> bool:
        """Check whether a time of day lies in the quiet hours.

        Examples
        --------
        >>> night = QuietHours(label="免打扰", begins=time(21), ends=time(9))
        >>> night.covers(time(21)), night.covers(time(8, 59)), night.covers(time(9))
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
    """Caps, quiet hours, cooling-off and time zones of an installation."""

    reservation_hours: int = Field(ge=1, le=24 * 31, description="Hours that a reservation lasts.")
    rules: dict[str, CapRule] = Field(description="Caps by name.")
    quiet_hours: dict[ContactChannel, QuietHours] = Field(description="Quiet hours by channel.")
    cooling_off: CoolingOff = Field(description="After a refusal or an opt-out.")
    time_zones: dict[str, TimeZone] = Field(description="Time zone by branch.")

    @property
    def reservation_period(self) -> timedelta:
        """How long a reservation lasts after the planned time of the contact."""
        return timedelta(hours=self.reservation_hours)

    @property
    def longest_days(self) -> int:
        """Length of the longest window in days: older contacts count under no rule."""
        return max((rule.days for rule in self.rules.values()), default=1)


def load_contact_caps(home: Path) -> ContactCaps:
    """Load the shipped rules, overlaid by `<home>/contact_caps.toml`.

    Raises
    ------
    GuanjiaError
        If the file is not TOML, names an unknown field, channel or time zone, or a value is out of
        range; the error names file and field.
    """
    return load_layered(ContactCaps, home / SHIPPED.name, SHIPPED, manual="docs/records.md")
