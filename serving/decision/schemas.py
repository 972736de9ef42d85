"""Define the request and the answer of `POST /decide`."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import ConfigDict, Field, StrictBool, TypeAdapter, WithJsonSchema

from serving.schemas import NO_NUL, ClientKey, CustomerId, Freshness, Message, Star
from training.labels.leads import LONGEST_LEAD, SHORTEST_LEAD

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


class DecideContext(Message):
    """What the caller knows and the tags do not."""

    channel: Name | None = Field(
        default=None, description="The only channel that can be used; default: any."
    )
    stage: Name | None = Field(default=None, description="Campaign stage of the touchpoints.")
    campaign: Name | None = Field(default=None, description="Campaign that the contact is part of.")
    lead_days: int | None = Field(default=None, ge=SHORTEST_LEAD, le=LONGEST_LEAD)
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
    alternatives: int = Field(
        default=0,
        ge=0,
        le=MOST_ALTERNATIVES,
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
        "a probability: not uplift), or none."
    )
    change: float | None = Field(description="Change of the probability of the outcome.")
    worth: float | None = Field(description="What the outcome is worth, yuan.")


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
    script: Script


class DecideResponse(Message):
    """One action, or silence; and why."""

    decision_id: str
    customer_id: str
    decision_point: str
    decided_at: datetime
    action: Action | None = Field(description="Null: leave the customer in peace.")
    reasons: Script = Field(description="Why, in words.")
    probability: float = Field(description="Probability of this choice, given what was known.")
    explored: bool = Field(description="Whether it was drawn by lot.")
    holdout: bool
    profile_used: bool = Field(
        description="False: the customer refuses profiling, so averages took the profile's place."
    )
    degraded: bool = Field(description="Whether the answer rests on older data than usual.")
    gates: list[GateTold] = Field(description="Gates of the customer, which block all marketing.")
    alternatives: list[Option]
    predictions: dict[str, float | None]
    star: Star | None
    tags: Freshness | None
    versions: dict[str, Any]
