"""Value a contact: the change it makes to an outcome, times the outcome, less its costs.

    EV = LCB[uplift] * margin * weight - contact - p(redeem) * offer - fatigue - capacity price

If an effect model was learned from contacts drawn by lot, the change is the lower bound of its
effect. Otherwise it is an expert's rule, a declared share of a probability, called propensity.
"""

from collections.abc import Mapping
from typing import Any

from serving.decision.candidates import Candidate, Value
from serving.decision.policy import Policy
from serving.predictions.margin import number_or_none, premium
from training.evaluation.economics import TURNED_SHARES
from training.models import MODELS
from training.uplift.randomised_trials import OUTCOME

RECENT_CONTACTS, UNANSWERED_CONTACTS = "contact_count_30d", "contacts_since_last_response"
CONTACT = "contact"


def value_candidate(
    candidate: Candidate,
    policy: Policy,
    tags: Mapping[str, Any],
    predictions: Mapping[str, float | None],
    effects: Mapping[str, float],
    *,
    margin: float | None,
    recent_contacts: int,
    capacity_price: float = 0.0,
) -> Value | None:
    """Calculate the expected value of a candidate.

    Parameters
    ----------
    candidate : Candidate
        The contact to value.
    policy : Policy
        Weights and cost rates.
    tags : Mapping[str, object]
        The customer's tags: premiums, and how many contacts were left unanswered.
    predictions : Mapping[str, float or None]
        Probabilities by model.
    effects : Mapping[str, float]
        By treatment, lower bound of the change of the probability of renewal.
    margin : float or None
        Expected margin of the coming motor term in yuan.
    recent_contacts : int
        Contacts of the last 30 days, by any channel.
    capacity_price : float
        Yuan that a contact by this channel is worth to other customers today.

    Returns
    -------
    Value or None
        None if the candidate's model has no prediction for the customer, or the outcome no worth.
    """
    unanswered = tags.get(UNANSWERED_CONTACTS) or 0
    costs: dict[str, Any] = {
        "weight": policy.weight(candidate.touchpoint),
        "contact": candidate.cost,
        "offer": candidate.offer.cost * candidate.offer.redeemed if candidate.offer else 0.0,
        "fatigue": policy.fatigue_per_recent_contact * recent_contacts
        + policy.fatigue_per_unanswered_contact * unanswered,
        "capacity": capacity_price,
    }
    # A record may name a model that is no longer declared.
    spec = MODELS.get(candidate.model or "")
    if spec is None or spec.purpose is None:
        return Value(benefit=0.0, basis="none", **costs)
    purpose, probability = spec.purpose, predictions.get(spec.name)
    if probability is None:
        return None
    worth = _worth(policy, tags, margin, purpose.line)
    if worth is None:
        return None
    treatment = candidate.offer.name if candidate.offer else CONTACT
    if spec.name == OUTCOME and treatment in effects:
        change = effects[treatment]
        return Value(benefit=change * worth, basis="uplift", change=change, worth=worth, **costs)
    event = probability if purpose.outcome_label else 1 - probability
    change = event * TURNED_SHARES[purpose.benefit].get(candidate.channel, 0.0)
    return Value(benefit=change * worth, basis="propensity", change=change, worth=worth, **costs)


def _worth(
    policy: Policy, tags: Mapping[str, Any], margin: float | None, line: str
) -> float | None:
    """Estimate what the outcome is worth in yuan: a motor term renewed, or a product sold."""
    if line:
        price = policy.non_motor_premiums.get(line)
        return None if price is None else price * policy.non_motor_margin_share
    coming = number_or_none(premium(tags))
    if coming is None:
        return None
    term_margin = coming * policy.motor_margin_share if margin is None else margin
    return term_margin + coming * policy.saved_acquisition_share
