"""Declare the bounds a champion must keep; `<home>/monitoring.toml` overrides any field.

A bound says what matters to the business. Whether chance explains a figure beyond it is decided in
`training.monitoring.rule`.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from features.declared import Declared, load_layered, one_of
from training.models import MODELS

Positive = Annotated[float, Field(gt=0)]
ModelName = Annotated[str, one_of(MODELS)]
Look = Literal["cohort", "together", "snapshot"]
LOOKS_A_YEAR = 12
ERROR_SHARES: dict[Look, float] = {"cohort": 0.5, "together": 0.25, "snapshot": 0.25}
"""How the rate of false alarms is shared: newest cohort, all cohorts together, latest snapshot.
A cohort that is shown again spends nothing: it was tested before on the same rows."""


class Bounds(Declared):
    """Bounds of one model.

    Gaps are in log-odds, so that one bound fits rare and frequent outcomes: 0.15 is 3 points at
    70%, and 15% of a rare outcome.
    """

    false_alarms: Annotated[float, Field(gt=0, le=0.5)] = Field(
        default=0.10,
        description="Probability of any alert in a year of monthly runs if all bounds are kept.",
    )
    gap: Positive = Field(default=0.15, description="Observed minus predicted, all rows, log-odds.")
    segment_gap: Positive = Field(default=0.30, description="The same, one segment, log-odds.")
    slope: Positive = Field(default=0.25, description="Calibration slope, distance from 1.")
    auc: Positive = Field(default=0.03, description="AUC below that of the test slice.")
    lift: Positive = Field(
        default=0.20, description="Lift of the first tenth below the test slice's, as a share."
    )
    score_drift: Positive = Field(
        default=0.25, description="Population stability index of the scores."
    )
    score_shift: Positive = Field(default=0.30, description="Change of the mean score, log-odds.")
    importance: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.02,
        description="Share of what moves the scores, below which a tag's drift is no alert.",
    )

    def error(self, look: Look) -> float:
        """Return the probability of a false alarm that one look of a monthly run may spend."""
        return self.false_alarms * ERROR_SHARES[look] / LOOKS_A_YEAR


class Monitoring(Declared):
    """Bounds of all models, and of single models where they differ."""

    defaults: Bounds = Bounds()
    models: dict[ModelName, Bounds] = Field(default_factory=dict)

    def bounds_for(self, model: str) -> Bounds:
        """Return the bounds of one model: its own fields, else those of all models."""
        fields: dict[str, Any] = self.defaults.model_dump(exclude_unset=True)
        if model in self.models:
            fields |= self.models[model].model_dump(exclude_unset=True)
        return Bounds.model_validate(fields)


def load_bounds(home: Path) -> Monitoring:
    """Read the bounds of `<home>/monitoring.toml`; the defaults if there is no file.

    Raises
    ------
    GuanjiaError
        If the file is not TOML, names an unknown field or model, or a bound is out of range.
    """
    return load_layered(Monitoring, home / "monitoring.toml", manual="docs/monitoring.md")
