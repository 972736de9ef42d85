"""Define the fields of a touchpoint 触点 in `touchpoints.toml`, with the checks of each field.

`serving.touchpoints.catalogue` puts the fields of several files and tables together.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from features.condition_truth import compile_test
from features.conditions import columns_of
from features.declared import Declared
from features.tags.catalogue import catalogue
from serving.touchpoints.scripts import BilingualText, ScriptTemplate
from serving.touchpoints.tag_days import DAY_TAGS

Channel = Literal["sms", "wechat", "wecom", "phone", "app", "mail", "branch"]
SalesChannel = Literal["direct", "telephone", "online", "agent", "broker", "dealer"]
Family = Literal["underwriting", "service", "care", "claims", "vehicle", "win_back", "renewal"]
Stage = Literal["entry", "stickiness", "trust"]
Kind = Literal["service", "marketing"]
Yuan = Annotated[Decimal, Field(ge=0, max_digits=10, decimal_places=4)]
KINDS = {"service": "服务通知", "marketing": "营销"}
STARTERS = {"system": "自动", "person": "人工"}
SERVICE_LEVELS = {"standard": "标准服务", "priority": "优先服务", "steward": "专属管家服务"}
ROLES = {
    "steward": "管家（销售服务合一）",
    "sales_steward": "销售管家",
    "service_steward": "服务管家",
}
ONCE = {"term": "每保单年度", "year": "每年", "event": "每次事件", "entitlement": "每项权益"}
LINK = "link"
"""The variable of an address, which nobody reads out."""
WEATHER_LEVELS = ("blue", "yellow", "orange", "red")
WINDOW_TAG_AGE, OTHER_TAG_AGE = 1, 7
"""Oldest tags, in days, where none are declared: due by a window, and by anything else."""
Ending = Literal["renewed", "bought"]
"""Outcomes after which a touchpoint is pointless."""


class Window(Declared):
    """The days on which a contact is timely, by the value of a tag on the day of contact."""

    tag: str = Field(description="A tag that counts days: days_to_... or days_since_...")
    first: int = Field(ge=0, description="Its value on the first day.")
    last: int = Field(ge=0, description="Its value on the last day.")

    @model_validator(mode="after")
    def _counts_days(self) -> Self:
        if not self.tag.startswith(tuple(DAY_TAGS)) or self.tag not in catalogue():
            raise ValueError(f"{self.tag} is no tag that counts days to or since something")
        if (self.first - self.last) * self.step > 0:
            raise ValueError("ends before it begins: days_to_ falls, days_since_ rises")
        return self

    @property
    def step(self) -> int:
        """By how much the tag moves in a day: 1 or -1."""
        return 1 if self.tag.startswith("days_since_") else -1


class Trigger(Declared):
    """When a touchpoint is due, and for whom."""

    by: Literal["system", "person"] = Field(description="Who starts the contact 自动/人工.")
    condition: str = Field(default="", description="Condition over tags; empty: everybody.")
    window: Window | None = Field(default=None, description="Days on which it is due.")
    months: tuple[Annotated[int, Field(ge=1, le=12)], ...] = Field(
        default=(), description="Months in which it is due, instead of a window."
    )
    occasion: Literal["holiday", "weather"] | None = Field(
        default=None, description="A day of the calendar or a warning, instead of a window."
    )
    days_before: int = Field(default=0, ge=0, le=30, description="Days before the occasion.")
    events: tuple[str, ...] = Field(default=(), description="Events that make it due at once.")
    delay_minutes: int = Field(default=0, ge=0, description="How long after the event.")
    days_after: int = Field(default=7, ge=1, description="Until how long after the event.")
    hours: tuple[int, int] = Field(default=(9, 20), description="From and to which hour.")
    tag_age: int | None = Field(
        default=None,
        ge=1,
        description="Oldest tags that make it due, in days; default: 1 by a window, else 7.",
    )
    once_per: Literal["term", "year", "event", "entitlement"] = Field(
        description="For what one contact is enough."
    )

    @field_validator("window", "occasion", mode="before")
    @classmethod
    def _taken_out(cls, value: Any) -> Any:
        """Convert `false`, by which an override removes a value, to None."""
        return None if value is False else value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        timed = [self.window is not None, bool(self.months), self.occasion is not None]
        if sum(timed) > 1:
            raise ValueError("has more than one of window, months and occasion")
        if not (any(timed) or self.events or self.condition):
            raise ValueError("says neither when nor for whom: give a condition, window or events")
        if not any(timed) and self.daily and self.once_per != "year":
            raise ValueError("has no day to begin with, so it is once per year")
        if not 0 <= self.hours[0] < self.hours[1] <= 24:
            raise ValueError("has no hours: write hours = [9, 20]")
        if self.days_after * 1440 <= self.delay_minutes:
            raise ValueError("is over before its delay is")
        return self

    @property
    def daily(self) -> bool:
        """Whether the tags of a date make it due; if not, only events do."""
        timed = self.window or self.months or self.occasion
        return bool(timed or (self.condition and not self.events))

    @cached_property
    def tags(self) -> frozenset[str]:
        """All tags that conditions may name."""
        return frozenset(catalogue())

    def oldest_tags(self, *, by_window: bool) -> int:
        """Return how old tags may be that make it due, in days, by its window or otherwise."""
        default = WINDOW_TAG_AGE if by_window else OTHER_TAG_AGE
        return default if self.tag_age is None else self.tag_age

    @cached_property
    def tags_read(self) -> tuple[str, ...]:
        """Tags of its window and its condition."""
        window = [self.window.tag] if self.window else []
        named = columns_of(self.condition, self.tags) if self.condition else ()
        return tuple(dict.fromkeys([*window, *named]))

    @cached_property
    def met(self) -> Callable[[Mapping[str, Any]], bool]:
        """Function that checks the condition on a customer's tags; False if it is not known."""
        return compile_test(self.condition, self.tags) if self.condition else _always


def _always(_tags: Mapping[str, Any]) -> bool:
    return True


class StarRule(Declared):
    """Channels and service level for customers from a number of stars on."""

    at_least: int = Field(ge=1, le=5, description="Stars from which it applies.")
    channels: tuple[Channel, ...] = Field(min_length=1, description="Channels, best first.")
    service: Literal["standard", "priority", "steward"] = Field(description="Service level.")


class Touchpoint(Declared):
    """A touchpoint as declared."""

    label: str = Field(min_length=1, description="Chinese name.")
    english: str = Field(min_length=1, description="English name.")
    family: Family = Field(description="Family 环节。")
    loop: Stage = Field(description="Step of the loop 创造入口，产生黏性，建立信任。")
    purpose: BilingualText = Field(description="接触目的")
    orientation: BilingualText = Field(description="经营导向")
    strategy: BilingualText = Field(description="销售策略")
    kind: Kind = Field(description="A service message that must go out, or marketing.")
    consent: Literal["none", "marketing"] = Field(description="Consent it needs.")
    uses_profile: bool = Field(description="Whether the customer's profile chooses or words it.")
    role: Literal["sales", "service"] = Field(description="Whose steward makes the contact.")
    channels: tuple[Channel, ...] = Field(min_length=1, description="Channels, best first.")
    costs: dict[Channel, Yuan] = Field(default={}, description="Yuan a contact, if unusual.")
    stars: tuple[StarRule, ...] = Field(default=(), description="Other channels for higher stars.")
    trigger: Trigger = Field(description="When it is due.")
    models: tuple[str, ...] = Field(default=(), description="Models whose word it turns on.")
    ended_by: tuple[Ending, ...] | None = Field(
        default=None, description="Outcomes that end it; default: by family and models."
    )
    returns: float = Field(
        default=0, ge=0, le=1, description="Share of lapsed customers who come back, for win-back."
    )
    worth: Yuan = Field(
        default=Decimal(0), description="Yuan a contact is worth, where no model predicts it."
    )
    offers: tuple[str, ...] = Field(default=(), description="Offers it may carry.")
    script: dict[Literal["default"] | Channel, tuple[ScriptTemplate, ...]] = Field(
        description="话术 by channel: one, or a list of which the first that can be filled counts."
    )
    offer_script: dict[Literal["default"] | Channel, ScriptTemplate] = Field(
        default={}, description="How it speaks of an offer that it carries, if unusual."
    )

    @field_validator("script", mode="before")
    @classmethod
    def _one_is_a_list(cls, value: Any) -> Any:
        """Take a single script for a list of one."""
        if not isinstance(value, Mapping):
            return value
        return {
            name: [script] if isinstance(script, Mapping) else script
            for name, script in value.items()
        }

    @model_validator(mode="after")
    def _says_what_its_channels_carry(self) -> Self:
        for channel, scripts in self.script.items():
            if not scripts:
                raise ValueError(f"has an empty list of scripts for {channel}")
            for script in scripts:
                if "【" in script.chinese:
                    raise ValueError(
                        f"signs its script for {channel}: leave 【...】 out, [openings] signs SMS"
                    )
                if channel == "app" and not (script.title and script.button):
                    raise ValueError("shows a card in the app without title and button")
        spoken = self.scripts("phone") if "phone" in self.every_channel else ()
        if any(LINK in script.variables for script in spoken):
            raise ValueError("reads a link out on the phone: write a script for phone without one")
        return self

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.kind == "marketing") != (self.consent == "marketing"):
            raise ValueError("marketing needs consent to marketing, a service message needs none")
        if sum([bool(self.models), self.returns > 0, self.worth > 0]) > 1:
            raise ValueError("has more than one of models, returns and worth")
        if self.models and not self.uses_profile:
            raise ValueError("turns on a model, so it uses the profile")
        silent = sorted(channel for channel in self.every_channel if not self.scripts(channel))
        if silent:
            raise ValueError(f"has no script for {silent[0]}, and no default")
        levels = [rule.at_least for rule in self.stars]
        if len(set(levels)) < len(levels):
            raise ValueError("has two rules for the same stars")
        return self

    @property
    def every_channel(self) -> set[Channel]:
        """The channels of customers of any star."""
        return {*self.channels, *(channel for rule in self.stars for channel in rule.channels)}

    def scripts(self, channel: Channel) -> tuple[ScriptTemplate, ...]:
        """Find the scripts of a channel, best first: its own, else the default; empty: none.

        A card of the app is no text that another channel could send, so it has no default.
        """
        own = self.script.get(channel, ())
        return own if own or channel == "app" else self.script.get("default", ())

    def star_rule(self, star: int | None) -> StarRule | None:
        """Find the rule for a star: of several that apply, the one for the highest star."""
        met = [rule for rule in self.stars if star is not None and rule.at_least <= star]
        return max(met, key=lambda rule: rule.at_least, default=None)

    def channels_for(self, star: int | None) -> tuple[Channel, ...]:
        """List the channels for a star (None: not rated), best first."""
        rule = self.star_rule(star)
        return rule.channels if rule else self.channels

    def service_for(self, star: int | None) -> str:
        """Look up the service level for a star (None: not rated)."""
        rule = self.star_rule(star)
        return rule.service if rule else "standard"
