"""Declare treatments whose effect on renewal can be learned, and the trial they were drawn in."""

from dataclasses import dataclass
from datetime import date
from functools import partial

import ibis.expr.types as ir

from features.errors import GuanjiaError, did_you_mean
from features.lake import Lake
from features.online.model_tags import UPLIFT_TAGS
from training.labels import renewals
from training.model_spec import ModelSpec
from training.models import MODELS

TRIAL = "renewal_contact"
OUTCOME = "renewal"
"""Model whose customers and outcome the effects refer to."""
CONTROL = "control"
CURE = (
    "draw customers by lot and record every draw in the table assignments, those left alone too; "
    "until then use the probability of renewal and call it propensity"
)


@dataclass(frozen=True)
class Treatment:
    """A treatment that customers were drawn for by lot.

    Attributes
    ----------
    name, label : str
        Name in commands, which is the arm in `assignments`; Chinese label.
    cost : float
        Yuan per customer treated: the contact, and the expected cost of the offer.
    """

    name: str
    label: str
    cost: float

    @property
    def model(self) -> str:
        """Name of its effect model."""
        return f"uplift_{self.name}"


TREATMENTS: dict[str, Treatment] = {
    treatment.name: treatment
    for treatment in (
        Treatment("contact", "续保触达", 1.2),
        Treatment("service_pack", "续保触达并赠送服务包", 26.2),
        Treatment("cover_review", "续保触达并作保障检视", 11.2),
    )
}
"""Services and reviews belong to the contract; a rebate would not (Insurance Law, art. 116)."""


def find(name: str) -> Treatment:
    """Return the treatment of that name.

    Raises
    ------
    GuanjiaError
        If there is none; it lists the names there are.
    """
    if name not in TREATMENTS:
        raise GuanjiaError(f"treatment {name}", "is not known", did_you_mean(name, TREATMENTS))
    return TREATMENTS[name]


def effect_model_spec(treatment: Treatment) -> ModelSpec:
    """Declare the effect model of a treatment: customers of the renewal model, drawn by lot.

    Building its labels fails if no draw is recorded: contacts alone are no trial, because customers
    drawn and not contacted leave no row there.
    """
    renewal = MODELS[OUTCOME]
    return ModelSpec(
        name=treatment.model,
        label=treatment.label,
        tag_set=UPLIFT_TAGS,
        labels=partial(_drawn, treatment),
        eligible=renewal.eligible,
        describes=renewal.describes,
    )


def _drawn(treatment: Treatment, lake: Lake, known_by: date) -> ir.Table:
    if not lake.has("assignments"):
        raise GuanjiaError(
            f"the contacts ({describe_contacts(lake)})",
            "are no trial: no draw by lot is recorded",
            CURE,
        )
    return renewals.trial_renewals(lake, known_by, TRIAL, (CONTROL, treatment.name))


def describe_contacts(lake: Lake) -> str:
    """Count contacts, and those that state the probability they had, in words."""
    if not lake.has("interactions"):
        return "none recorded"
    rows = lake.table("interactions").filter(lambda t: t.direction == "out")
    total, stated = rows.aggregate(a=rows.count(), b=rows.probability.count()).execute().iloc[0]
    return f"{total:,} made, {stated:,} with a probability"
