"""Define the fields of the tables that touchpoints share in `touchpoints.toml`."""

from datetime import date
from typing import Literal, Self

from pydantic import Field, model_validator

from features.contracts.vocabulary import CHANNELS as SALES_CHANNELS
from features.declared import Declared
from serving.touchpoints.fields import Channel, SalesChannel, Yuan
from serving.touchpoints.scripts import BilingualText, ScriptTemplate, Variable


class Offer(Declared):
    """What a touchpoint may promise."""

    label: str = Field(min_length=1, description="Chinese name.")
    english: str = Field(min_length=1, description="English name.")
    kind: Literal["entitlement", "gift"] = Field(description="An entitlement, or a gift.")
    service_class: Literal["A", "B", "C"] | None = Field(default=None, description="Its class.")
    within_contract: bool = Field(description="Whether the contract grants it.")
    clause: str = Field(default="", description="Where the contract does.")
    cost: Yuan = Field(description="Yuan if redeemed.")
    redeem_probability: float = Field(ge=0, le=1, description="Before anything is learned.")
    turned_share: float = Field(
        default=0, ge=0, le=1, description="Share of leaving customers it keeps, the same."
    )

    @model_validator(mode="after")
    def _is_told(self) -> Self:
        if self.within_contract and not self.clause:
            raise ValueError("is within the contract: name the clause")
        if (self.kind == "entitlement") != (self.service_class is not None):
            raise ValueError("an entitlement has a service_class, a gift has none")
        return self


class Roles(Declared):
    """Who looks after a customer, by the channel that sold their cover."""

    together: tuple[SalesChannel, ...] = Field(description="One steward for sales and service.")
    apart: tuple[SalesChannel, ...] = Field(description="A sales and a service steward.")

    @model_validator(mode="after")
    def _every_channel_once(self) -> Self:
        if sorted((*self.together, *self.apart)) != sorted(SALES_CHANNELS):
            raise ValueError(f"together and apart must name each of {', '.join(SALES_CHANNELS)}")
        return self

    def steward(self, role: str, sales_channel: str | None) -> str:
        """Name the role that makes a contact: "steward" if one person does both.

        Examples
        --------
        >>> roles = Roles(together=("direct",),
        ...     apart=("telephone", "online", "agent", "broker", "dealer"))
        >>> roles.steward("sales", "direct"), roles.steward("sales", "online")
        ('steward', 'sales_steward')
        """
        return "steward" if sales_channel in self.together else f"{role}_steward"


class DecisionPoint(Declared):
    """A place where a decision is asked for, and the touchpoints that are candidates there."""

    label: str = Field(min_length=1, description="Chinese name.")
    english: str = Field(min_length=1, description="English name.")
    touchpoints: tuple[str, ...] | Literal["all"] = Field(description="Candidates, or all.")
    channels: tuple[Channel, ...] = Field(
        default=(),
        description="What can be used there, best first; empty: as each touchpoint says.",
    )
    costs: dict[Channel, Yuan] = Field(
        default={}, description="Yuan a contact there, where it costs less than elsewhere."
    )
    openings: dict[Channel, ScriptTemplate] = Field(
        default={}, description="What is said first there, instead of [openings]."
    )
    inbound: bool = Field(
        default=False,
        description="The customer came to us and is reached already: the contact is made at once.",
    )

    @model_validator(mode="after")
    def _knows_its_place(self) -> Self:
        if self.inbound and not self.channels:
            raise ValueError("is where the customer came to us: say by which channels we answer")
        return self


class Holiday(Declared):
    """A holiday 节日 and its first day in each year; the years to come are added by hand."""

    label: str = Field(min_length=1, description="Chinese name.")
    english: str = Field(min_length=1, description="English name.")
    days: tuple[date, ...] = Field(min_length=1, description="Its day in each year.")


class WeatherKind(Declared):
    """A kind of weather warning 天气预警, and the level from which customers are contacted."""

    label: str = Field(min_length=1, description="Chinese name.")
    english: str = Field(min_length=1, description="English name.")
    least: Literal["blue", "yellow", "orange", "red"] = Field(
        description="Lowest level that counts."
    )


class Shared(Declared):
    """The tables of the file that touchpoints share."""

    costs: dict[Channel, Yuan] = Field(description="Yuan a contact, by channel.")
    openings: dict[Channel, ScriptTemplate] = Field(description="What each message begins with.")
    offer_script: dict[Literal["default"] | Channel, ScriptTemplate] = Field(
        description="How a message speaks of the offer it carries, by channel."
    )
    services: dict[str, BilingualText] = Field(
        description="Names of entitlement services, by the code of the core system."
    )
    opt_out: dict[Channel, BilingualText] = Field(
        description="What marketing ends with, by channel."
    )
    variables: dict[str, Variable] = Field(description="Names that scripts may use.")
    offers: dict[str, Offer] = Field(description="What touchpoints may promise.")
    roles: Roles = Field(description="Who looks after whom.")
    decision_points: dict[str, DecisionPoint] = Field(description="Moments of decision.")
    holidays: dict[str, Holiday] = Field(description="Chinese holidays.")
    weather: dict[str, WeatherKind] = Field(description="Weather warnings.")
