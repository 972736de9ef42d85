"""What could be done: a touchpoint by a channel, with an offer or none; and what it is worth."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["service", "marketing"]
Basis = Literal["uplift", "propensity", "none"]


@dataclass(frozen=True)
class Offer:
    """Something given with a contact, within the contract (Insurance Law, art. 116).

    Attributes
    ----------
    name, label : str
        A treatment's name where its effect was learned (`training.uplift.randomised_trials`).
    cost : float
        Yuan, when it is taken up.
    redeemed : float
        Probability that it is.
    """

    name: str
    label: str
    cost: float
    redeemed: float


@dataclass(frozen=True)
class Candidate:
    """One action.

    Attributes
    ----------
    touchpoint, label, family : str
        Name, Chinese label, and family of the touchpoint.
    kind : {"service", "marketing"}
        "service": a message the contract or the law asks for.
    channel : str
    cost : float
        Yuan of the contact itself.
    model : str or None
        The prediction the contact works on; None: it has no value in yuan of its own.
    offer : Offer or None
    """

    touchpoint: str
    label: str
    family: str
    kind: Kind
    channel: str
    cost: float
    model: str | None = None
    offer: Offer | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """What names it within a decision."""
        return self.touchpoint, self.channel, self.offer.name if self.offer else ""


@dataclass(frozen=True)
class Value:
    """Expected value of a candidate in yuan, with every part of the sum.

    total = benefit * weight - contact - offer - fatigue - capacity

    Attributes
    ----------
    benefit : float
        Change of the outcome's probability (the lower bound, where it was learned from lots) times
        what the outcome is worth.
    basis : {"uplift", "propensity", "none"}
        Where the change comes from: learned from randomised contacts, or a declared share of a
        probability; "none" has no benefit in yuan.
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

    @property
    def total(self) -> float:
        """Yuan; silence has 0."""
        costs = self.contact + self.offer + self.fatigue + self.capacity
        return self.benefit * self.weight - costs
