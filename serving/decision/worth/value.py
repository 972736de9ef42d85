"""Value a contact: the change it makes to an outcome, times the outcome, less its costs.

    EV = LCB[uplift] * margin * weight - contact - p(redeem) * offer - fatigue - capacity price

If an effect model was learned from contacts drawn by lot, the change is the lower bound of its
effect. Otherwise it is an expert's rule, a declared share of a probability, called propensity: of
who would leave those whom a contact keeps, of who would buy those who buy because of it, and of
lapsed customers who would come back those who do because of it.
"""

from collections.abc import Mapping
from typing import Any

from serving.decision.candidates import Basis, Candidate, Value
from serving.decision.worth.policy import Policy
from serving.predictions.margin import number_or_none, premium
from training.evaluation.economics import TURNED_SHARES
from training.model_spec import ModelSpec, Purpose
from training.models import MODELS
from training.uplift.randomised_trials import OUTCOME

RECENT_CONTACTS, UNANSWERED_CONTACTS = "contact_count_30d", "contacts_since_last_response"
COMPULSORY_PREMIUM = "compulsory_premium_current"
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
    inbound: bool = False,
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
    inbound : bool
        Whether the customer came to us: what they meet there takes none of their patience.

    Returns
    -------
    Value or None
        None if the candidate's model has no prediction for the customer, or the outcome no worth.
    """
    unanswered = tags.get(UNANSWERED_CONTACTS) or 0
    if policy.unanswered_counted is not None:
        unanswered = min(unanswered, policy.unanswered_counted)
    patience = (
        policy.fatigue_per_recent_contact * recent_contacts
        + policy.fatigue_per_unanswered_contact * unanswered
    )
    costs: dict[str, Any] = {
        "weight": policy.weight(candidate.touchpoint),
        "contact": candidate.cost,
        "offer": candidate.offer.cost * candidate.offer.redeemed if candidate.offer else 0.0,
        "fatigue": 0.0 if inbound else patience,
        "capacity": capacity_price,
    }
    if candidate.returns:
        change = candidate.returns * TURNED_SHARES["non_motor"].get(candidate.channel, 0.0)
        term = policy.motor_margin_share + policy.saved_acquisition_share
        back = (policy.motor_premium or 0.0) * term
        return Value(change * back, basis="propensity", change=change, worth=back, **costs)
    # A record may name a model that is no longer declared.
    names = [name for name in (candidate.model, *candidate.fallbacks) if name in MODELS]
    if not names or MODELS[names[0]].purpose is None:
        basis: Basis = "declared" if candidate.worth else "none"
        return Value(benefit=candidate.worth, basis=basis, **costs)
    name = next((name for name in names if predictions.get(name) is not None), names[0])
    purpose, probability = MODELS[name].purpose, predictions.get(name)
    if probability is None or purpose is None:
        return None
    worth = _worth(policy, tags, margin, purpose.line)
    if worth is None:
        return None
    basis, change = _change(candidate, MODELS[name], purpose, probability, effects)
    return Value(change * worth, basis=basis, change=change, worth=worth, model=name, **costs)


def _change(
    candidate: Candidate,
    spec: ModelSpec,
    purpose: Purpose,
    probability: float,
    effects: Mapping[str, float],
) -> tuple[Basis, float]:
    """Estimate by how much a contact changes the outcome's probability, and from what.

    Parameters
    ----------
    candidate : Candidate
        The contact.
    spec, purpose : ModelSpec, Purpose
        The model of the outcome, and what a contact on its word is for.
    probability : float
        What the model predicts.
    effects : Mapping[str, float]
        By treatment, lower bound of the change of the probability of renewal.
    """
    offer = candidate.offer
    learned = effects if spec.name == OUTCOME else {}
    treatment = offer.name if offer else CONTACT
    if treatment in learned:
        return "uplift", learned[treatment]
    event = probability if purpose.outcome_label else 1 - probability
    change = event * TURNED_SHARES[purpose.benefit].get(candidate.channel, 0.0)
    if offer is not None and offer.turned is not None:
        # It comes with a contact: what that is known to change, and what the offer adds by rule.
        change = learned.get(CONTACT, change) + event * offer.turned
    return "propensity", change


def _worth(
    policy: Policy, tags: Mapping[str, Any], margin: float | None, line: str
) -> float | None:
    """Estimate what the outcome is worth in yuan: a motor term renewed, or a product sold."""
    if line:
        price = policy.non_motor_premiums.get(line)
        return None if price is None else price * policy.non_motor_margin_share
    coming = number_or_none(premium(tags))
    if coming is None:
        compulsory, share = tags.get(COMPULSORY_PREMIUM), policy.compulsory_worth_share
        return None if compulsory is None or share is None else float(compulsory) * share
    term_margin = coming * policy.motor_margin_share if margin is None else margin
    return term_margin + coming * policy.saved_acquisition_share
