"""Define the request and the answer of `POST /decide`."""

from collections.abc import Collection
from datetime import datetime
from typing import Annotated, Any

from pydantic import ConfigDict, Field, StrictBool, TypeAdapter, WithJsonSchema

from features.contracts.vocabulary import CONTACT_CHANNELS
from features.errors import GuanjiaError, did_you_mean
from features.events.event_types import EVENTS
from serving.schemas import (
    NO_NUL,
    ClientKey,
    CustomerId,
    Freshness,
    LeadDays,
    Message,
    NumbersAlone,
    Star,
)
from serving.touchpoints.catalogue import STAGES

Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f]+$")]
Value = Annotated[str, Field(max_length=200, pattern=NO_NUL)]
VALUES_SCHEMA = {
    "type": "object",
    "propertyNames": TypeAdapter(Name).json_schema(),
    "additionalProperties": TypeAdapter(Value).json_schema(),
    "maxProperties": 30,
}
"""JSON schema of script values. Pydantic's own would allow keys that do not match the pattern."""
MOST_ALTERNATIVES = 20
WEATHER = "weather"
HAPPENINGS = (*EVENTS, WEATHER)
"""What can have brought a customer here: kinds of events, and a warning of weather."""


class DecideContext(Message):
    """What the caller knows and the tags do not."""

    channel: Name | None = Field(
        default=None, description="The only channel that can be used; default: any."
    )
    stage: Name | None = Field(default=None, description="Campaign stage of the touchpoints.")
    campaign: Name | None = Field(default=None, description="Campaign that the contact is part of.")
    lead_days: LeadDays | None = None
    happened: list[Name] = Field(
        default_factory=list,
        max_length=20,
        description="Kinds of events (docs/events.md) that bring the customer here, such as "
        "`payment_started`, or `weather`: touchpoints that wait for them are candidates then.",
    )
    open_event: StrictBool = Field(
        default=False,
        description="A claim or complaint is being reported right now: no marketing.",
    )
    values: Annotated[dict[Name, Value], WithJsonSchema(VALUES_SCHEMA)] = Field(
        default_factory=dict,
        max_length=30,
        description="Values of script variables that only the caller knows.",
    )


class DecideRequest(Message):
    """Ask for the next contact with a customer, or silence."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"customer_id": "C00000011", "decision_point": "app_open", "alternatives": 3}
        }
    )

    customer_id: CustomerId
    decision_point: Name
    context: DecideContext = Field(default_factory=DecideContext)
    alternatives: Annotated[int, Field(ge=0, le=MOST_ALTERNATIVES), NumbersAlone] = Field(
        default=0,
        description="How many ranked alternatives a person is to choose from. With any, nothing is "
        "reserved for them: the answer's own action alone has its place.",
    )
    client_key: ClientKey | None = Field(
        default=None,
        description="Of your choice: the same request sent again with it gets the same decision.",
    )


class GateTold(Message):
    """A gate and its finding."""

    name: str
    passed: bool
    chinese: str
    english: str


class ValueTold(Message):
    """Expected value in yuan: benefit * weight - contact - offer - fatigue - capacity."""

    total: float
    benefit: float
    weight: float = Field(description="Business multiplier, capped and published.")
    contact: float
    offer: float
    fatigue: float
    capacity: float
    basis: str = Field(
        description="uplift (lower bound of a randomised effect), propensity (a declared share of "
        "a probability: not uplift), declared (an amount), or none."
    )
    change: float | None = Field(description="Change of the probability of the outcome.")
    worth: float | None = Field(description="What the outcome is worth, yuan.")
    model: str | None = Field(default=None, description="Model that predicts the outcome.")


class Option(Message):
    """A candidate as it was weighed."""

    touchpoint: str
    label: str
    kind: str
    channel: str
    offer: str | None
    allowed: bool
    value: ValueTold | None
    gates: list[GateTold]


class Script(Message):
    """What to say."""

    chinese: str
    english: str


class ContactScript(Script):
    """What to say; in the mini-program a card with a title and a button."""

    title: Script | None = Field(default=None, description="Heading of a card.")
    button: Script | None = Field(default=None, description="Words of the card's button.")


class Action(Message):
    """The contact to make."""

    contact_id: str = Field(description="For `/v1/outcomes`.")
    touchpoint: str
    label: str
    kind: str = Field(description="service (must be given) or marketing.")
    purpose: Script = Field(description="What it is for.")
    channel: str
    role: str = Field(description="Who makes it: system, sales_steward or service_steward.")
    offer: str | None
    planned_at: datetime
    reserved_until: datetime = Field(
        description="Unless the outcome `sent` is reported by then, the reservation ends."
    )
    script: ContactScript


class LeftOutTold(Message):
    """A touchpoint that is timely here and no candidate."""

    touchpoint: str
    why: str = Field(
        description="made (its contact was made, or has its place) or ended (what it is about was "
        "renewed or bought)."
    )
    chinese: str
    english: str


class DecideResponse(Message):
    """One action, or silence; and why."""

    decision_id: str
    customer_id: str
    decision_point: str
    decided_at: datetime
    action: Action | None = Field(description="Null: leave the customer in peace.")
    reasons: Script = Field(description="Why, in words.")
    held_by: list[str] = Field(
        default_factory=list,
        description="What silence rests on, the strongest first: names of gates, or nothing_due, "
        "not_worth_it, drawn, stale (tags too old), made, ended. Empty if there is an action.",
    )
    probability: float = Field(description="Probability of this choice, given what was known.")
    explored: bool = Field(description="Whether it was drawn by lot.")
    holdout: bool
    profile_used: bool = Field(
        description="False: the customer refuses profiling, so averages took the profile's place."
    )
    degraded: bool = Field(description="Whether the answer rests on older data than usual.")
    stale: bool = Field(
        default=False,
        description="Whether the tags are older than some touchpoint allows, which is no candidate "
        "then: see `tags.age_days`.",
    )
    left_out: list[LeftOutTold] = Field(
        default_factory=list,
        description="Timely touchpoints that are no candidates, because once is enough.",
    )
    gates: list[GateTold] = Field(description="Gates of the customer, which block all marketing.")
    alternatives: list[Option]
    predictions: dict[str, float | None]
    star: Star | None
    tags: Freshness | None
    versions: dict[str, Any]


class UnknownWordError(GuanjiaError):
    """A field of a request has a word that is none of those there are.

    A misspelt word must not pass for one that says nothing: the contact would be chosen, or worded,
    without what the caller knows.
    """


def check_context(context: DecideContext, variables: Collection[str]) -> None:
    """Check that what the caller names is known.

    Parameters
    ----------
    context : DecideContext
        What the caller knows.
    variables : collection of str
        Names of the variables that scripts may use.

    Raises
    ------
    UnknownWordError
        For the first word that is not known; it names similar ones.

    Examples
    --------
    >>> check_context(DecideContext(channel="wecon"), ())
    Traceback (most recent call last):
        ...
    serving.decision.schemas.UnknownWordError: context.channel wecon: is not known. Did you ...
    """
    one_of_each: tuple[tuple[str, Collection[str], Collection[str]], ...] = (
        ("channel", [context.channel] if context.channel else [], CONTACT_CHANNELS),
        ("stage", [context.stage] if context.stage else [], STAGES),
        ("happened", context.happened, HAPPENINGS),
        ("values", context.values, variables),
    )
    for field, words, known in one_of_each:
        for word in words:
            if word not in known:
                cure = did_you_mean(word, known)
                raise UnknownWordError(f"context.{field} {word}", "is not known", cure)
