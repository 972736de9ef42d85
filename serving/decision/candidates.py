"""Candidates of a decision (touchpoint, channel, offer or none) and their expected values."""

from dataclasses import dataclass
from typing import Literal

from serving.campaigns.membership import CampaignArm

Kind = Literal["service", "marketing"]
Basis = Literal["uplift", "propensity", "declared", "none"]


@dataclass(frozen=True)
class Offer:
    """A benefit given with a contact, within the contract (Insurance Law, art. 116).

    Attributes
    ----------
    name, label : str
        Name and Chinese label. The name is that of a treatment if its effect was learned
        (`training.uplift.randomised_trials`).
    cost : float
        Yuan, if the customer redeems it.
    redeemed : float
        Probability that the customer redeems it.
    turned : float or None
        Share of the leaving customers whom it keeps beyond the contact itself (declared). None, in
        records of earlier releases: it counts as a contact alone, whose effect was not learned.
    """

    name: str
    label: str
    cost: float
    redeemed: float
    turned: float | None = None


@dataclass(frozen=True)
class Candidate:
    """A contact that could be made.

    Attributes
    ----------
    touchpoint, label, family : str
        Name, Chinese label, and family of the touchpoint.
    kind : {"service", "marketing"}
        "service": a message that the contract or the law requires.
    channel : str
        Contact channel.
    cost : float
        Yuan of the contact itself, without the offer.
    model : str or None
        Model whose outcome the contact changes; None: the contact has no value in yuan.
    offer : Offer or None
        None: the contact carries no offer.
    fallbacks : tuple of str
        Models whose outcome it changes where `model` has no answer, the first that has one.
    returns : float
        Share of lapsed customers who come back (declared); 0: the contact is not for them.
    worth : float
        Yuan the contact is worth where no model predicts its outcome (declared).
    """

    touchpoint: str
    label: str
    family: str
    kind: Kind
    channel: str
    cost: float
    model: str | None = None
    offer: Offer | None = None
    fallbacks: tuple[str, ...] = ()
    returns: float = 0.0
    worth: float = 0.0

    @property
    def key(self) -> tuple[str, str, str]:
        """Touchpoint, channel and offer: unique among the candidates of a decision."""
        return self.touchpoint, self.channel, self.offer.name if self.offer else ""


@dataclass(frozen=True)
class Value:
    """Expected value of a candidate in yuan, with every part of the sum.

    total = benefit * weight - contact - offer - fatigue - capacity

    Attributes
    ----------
    benefit : float
        Change of the outcome's probability times the worth of the outcome, yuan. A learned change
        counts with its lower bound.
    weight : float
        Business multiplier of the benefit.
    contact, offer, fatigue, capacity : float
        Costs in yuan: of the contact, of the offer times its probability to be redeemed, of the
        customer's patience, and of the capacity that the contact takes from others.
    basis : {"uplift", "propensity", "declared", "none"}
        Where the benefit comes from: a change learned from randomised contacts, a declared share of
        a probability, a declared amount; "none" has no benefit in yuan.
    change : float or None
        Change of the outcome's probability; None without a benefit.
    worth : float or None
        Yuan the outcome is worth; None without a benefit.
    model : str or None
        Model whose outcome is changed; None if no model predicts it.
    """

    benefit: float
    weight: float
    contact: float
    offer: float
    fatigue: float
    capacity: float
    basis: Basis
    change: float | None = None
    worth: float | None = None
    model: str | None = None

    @property
    def total(self) -> float:
        """Benefit less costs, yuan; silence has 0."""
        costs = self.contact + self.offer + self.fatigue + self.capacity
        return self.benefit * self.weight - costs


def campaign_name(
    candidate: Candidate, campaign: CampaignArm | None, requested: str | None
) -> str | None:
    """Name the campaign that a contact is part of: the one that drew the customer, or the caller's.

    Parameters
    ----------
    candidate : Candidate
        The contact.
    campaign : CampaignArm or None
        The arm of a running campaign that the customer is in.
    requested : str or None
        The campaign that the caller named.
    """
    offer = candidate.offer.name if candidate.offer else None
    if campaign is not None and campaign.gives(candidate.touchpoint, candidate.channel, offer):
        return campaign.campaign
    return requested
