"""Load the policy of decisions: `policy.toml`, with what a home replaces."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from features.contracts.vocabulary import NON_MOTOR_LINES
from features.declared import Declared, load_layered, one_of
from features.tags.catalogue import catalogue
from features.tags.themes import theme_of

PROTECTED = tuple(name for name, tag in catalogue().items() if theme_of(name, tag).protected)
"""Tags of protected traits: what is never given as a reason chooses no contact either."""
SHIPPED = Path(__file__).with_name("policy.toml")
Share = Field(ge=0, le=1)
NonMotorLine = Annotated[str, one_of(NON_MOTOR_LINES)]
ProtectedTag = Annotated[str, one_of(PROTECTED)]


class Policy(Declared):
    """What a contact is worth and what it costs; each decision's record holds every number.

    Fields with a default are not in the records of earlier releases, which replay without them.

    Examples
    --------
    >>> load_policy(Path("no home")).cycle(date(2026, 6, 30))
    '2026'
    """

    exploration_share: float = Share
    holdout_share: float = Share
    holdout_cycle: Literal["year", "half_year"]
    salt: str = Field(min_length=1)
    fatigue_per_recent_contact: float = Field(ge=0)
    fatigue_per_unanswered_contact: float = Field(ge=0)
    unanswered_counted: int | None = Field(default=None, ge=0)
    motor_margin_share: float = Share
    saved_acquisition_share: float = Share
    compulsory_worth_share: float | None = Field(default=None, ge=0, le=1)
    motor_premium: float | None = Field(default=None, ge=0)
    non_motor_margin_share: float = Share
    weight_cap: float = Field(ge=1, le=10)
    non_motor_premiums: dict[NonMotorLine, float]
    weights: dict[str, float]
    neutral: dict[ProtectedTag, float] | None = None

    @model_validator(mode="after")
    def _weights_are_capped(self) -> Self:
        for touchpoint, weight in self.weights.items():
            if not 1 / self.weight_cap <= weight <= self.weight_cap:
                raise ValueError(
                    f"the weight of {touchpoint} is {weight:g}, not between "
                    f"{1 / self.weight_cap:g} and {self.weight_cap:g}"
                )
        return self

    def cycle(self, day: date) -> str:
        """Name the holdout cycle that a civil day belongs to."""
        if self.holdout_cycle == "year":
            return f"{day.year}"
        return f"{day.year}h{1 if day.month <= 6 else 2}"

    def weight(self, touchpoint: str) -> float:
        """Look up the multiplier of a touchpoint's benefit; 1 unless declared."""
        return self.weights.get(touchpoint, 1.0)

    def neutral_tags(self, tags: Mapping[str, Any]) -> Mapping[str, Any]:
        """Replace the protected tags by the neutral values that models are asked with.

        So two customers who differ in nothing else get the same contact, or silence
        (docs/adr/0021). A protected tag without a neutral value becomes null. In decisions of
        earlier releases, whose policy has no such values, the customer's own tags stay.

        Examples
        --------
        >>> policy = load_policy(Path("no home"))
        >>> dict(policy.neutral_tags({"age_years": 71, "star_level": 3, "gender": "F"}))
        {'age_years': 42.0, 'star_level': 3, 'gender': None}
        """
        if self.neutral is None:
            return tags
        return {**tags, **{name: self.neutral.get(name) for name in PROTECTED if name in tags}}


def load_policy(home: Path) -> Policy:
    """Read the shipped policy, with what `<home>/policy.toml` replaces.

    Raises
    ------
    GuanjiaError
        If the file is not TOML, names an unknown value, or one is out of range.
    """
    return load_layered(Policy, home / SHIPPED.name, SHIPPED, manual="docs/decisions.md")
