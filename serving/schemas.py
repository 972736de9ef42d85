"""Define requests and answers of the API as pydantic models; they are also its documentation."""

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool
from pydantic_core import PydanticKnownError

from training.labels.leads import LONGEST_LEAD, SHORTEST_LEAD

MOST_CUSTOMERS = 1_000
MOST_MODELS = 32

# The pattern is for the document: `serving.api.door.texts` refuses NUL in any text of a request.
NO_NUL = r"^[^\x00]*$"
CustomerId = Annotated[
    str, Field(min_length=1, max_length=64, pattern=NO_NUL, examples=["C00000001"])
]
ModelName = Annotated[str, Field(min_length=1, max_length=64, pattern=NO_NUL)]
ClientKey = Annotated[str, Field(min_length=8, max_length=128, pattern=NO_NUL)]


def _number(value: Any) -> Any:
    """Pass numbers on. Pydantic alone would read `true` as 1 and "9" as 9."""
    if isinstance(value, bool | str):
        raise PydanticKnownError("int_type")
    return value


NumbersAlone = BeforeValidator(_number)
"""Integers of a request are what JSON schema means by them: 7 and 7.0."""
LeadDays = Annotated[int, Field(ge=SHORTEST_LEAD, le=LONGEST_LEAD), NumbersAlone]


class Message(BaseModel):
    """Base of all messages: no field beyond the declared ones, no NaN, no infinity."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, protected_namespaces=())


class Context(Message):
    """What the caller knows and the tags do not."""

    lead_days: LeadDays | None = Field(
        default=None,
        description="Days before expiry at which the contact would be made (renewal only). "
        "Default: the days to the commercial term's expiry, clipped to "
        f"{SHORTEST_LEAD} to {LONGEST_LEAD}.",
    )


class PredictRequest(Message):
    """Ask for predictions of up to 1,000 customers."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"customer_ids": ["C00000001"], "models": ["renewal"], "explain": True}
        }
    )

    customer_ids: list[CustomerId] = Field(
        min_length=1,
        max_length=MOST_CUSTOMERS,
        description="Customer numbers, at most 1,000 in one request.",
    )
    models: list[ModelName] | None = Field(
        default=None,
        max_length=MOST_MODELS,
        description="Models to ask; default: all that are served.",
    )
    context: Context = Field(default_factory=Context)
    explain: StrictBool = Field(
        default=False, description="Give reasons in words; costs milliseconds a customer."
    )


class Reason(Message):
    """A theme that moved the prediction, with its strongest tag and the tag's value in words."""

    tag: str
    theme: str = Field(description="What the tag is about: price, claims, tenure, ...")
    effect: str = Field(description="raises or lowers the prediction, against the average")
    chinese: str
    english: str


class Share(Message):
    """What the tags of a theme together added to the score."""

    theme: str
    chinese: str
    english: str
    score: float
    effect: str = Field(description="raises or lowers the prediction, against the average")
    strongest: Reason


class Explanation(Message):
    """A prediction as a sum: base + shares + rest = score."""

    base: float = Field(description="Score of the average: log-odds, or the log of a mean.")
    shares: list[Share] = Field(description="By theme, strongest first; no protected trait.")
    rest: float = Field(description="What all other themes added, protected traits included.")
    score: float = Field(description="The model's score before calibration.")
    raw: float = Field(description="The same as a probability or mean.")
    prediction: float = Field(description="After calibration: the prediction of the answer.")


class Star(Message):
    """The customer's star and what it grants."""

    level: int
    name: str
    name_english: str
    value: str = Field(description="Customer value in yuan, an exact decimal.")
    lapsed: bool = Field(description="Without cover for longer than the break allowed.")
    entitlements: dict[str, bool | int]


class Claims(Message):
    """Expected claims of the coming commercial term; null if no such term would follow."""

    frequency: float | None = Field(description="Claims in the term.")
    severity: float | None = Field(description="Cost of a claim in yuan.")
    cost: float | None = Field(description="Frequency times severity, yuan.")
    margin: float | None = Field(
        description="Premium (of the renewal quote, else of the current term) less expenses "
        "(GUANJIA_EXPENSE_SHARE of it) and cost, yuan."
    )


class Freshness(Message):
    """The date of the tags, until when they are known, and how old they are."""

    as_of: date
    known_until: datetime
    age_days: int | None = Field(
        default=None,
        description="Days from `as_of` to today: 1 on the day after. Null in decisions of releases "
        "that did not count it.",
    )
    snapshot_id: str | None


class Prediction(Message):
    """Predictions of one customer; null if a question does not arise for them."""

    customer_id: str
    probabilities: dict[str, float | None]
    claims: Claims | None = Field(
        default=None, description="Null if neither model of claims is served or asked."
    )
    churn_by_month: list[float] | None = Field(
        default=None,
        description="Probability that all motor cover is gone by the end of each of the next six "
        "months of 30 days; the first is churn_hazard, the last churn. Null if churn_hazard is not "
        "served, not asked, or does not arise.",
    )
    star: Star | None = Field(description="Null if the insurer delivers no claim movements.")
    tags: Freshness
    reasons: dict[str, list[Reason]] | None = None
    explanations: dict[str, Explanation] | None = None


class PredictResponse(Message):
    """Predictions in the order of the request, and the versions of the models that made them."""

    model_versions: dict[str, str]
    models_confirmed: bool = Field(
        description="Whether the registry answered lately which versions are champion; if not, the "
        "last known ones made these predictions."
    )
    degraded: bool = Field(
        description="Whether the tags are the latest snapshot's, because the online store did not "
        "answer."
    )
    predictions: list[Prediction]


class Fault(Message):
    """Why a request was refused, and what to change."""

    thing: str
    fault: str
    cure: str


class Refusal(Message):
    """Body of every 4xx answer."""

    faults: list[Fault]
