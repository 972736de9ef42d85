"""Tell which timely touchpoints are no candidates, and why; find reservations that have ended."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from serving.decision.candidates import Candidate
from serving.records.contacts.history import History
from serving.touchpoints.catalogue import Catalogue
from serving.touchpoints.due import Customer, State, standing
from serving.touchpoints.endings import Past, endings
from serving.touchpoints.occasions import Occasion


@dataclass(frozen=True)
class LeftOut:
    """A touchpoint that is timely and no candidate.

    Attributes
    ----------
    touchpoint : str
        Its name.
    why : {"made", "ended"}
        "made": its contact was made, or has its place. "ended": what it is about was renewed or
        bought.
    chinese, english : str
        The reason in words.
    """

    touchpoint: str
    why: str
    chinese: str
    english: str


@dataclass(frozen=True)
class Offered:
    """What a decision point offers a customer.

    Attributes
    ----------
    candidates : list of Candidate
        Each touchpoint that is due, by each channel, in the order of the decision point.
    left_out : list of LeftOut
        Timely touchpoints that are no candidates.
    stale : bool
        Whether the tags are too old to tell of some touchpoint whether it is due.
    """

    candidates: list[Candidate]
    left_out: list[LeftOut] = field(default_factory=list)
    stale: bool = False


def leave_out(candidate: Candidate, state: State, customer: Customer) -> LeftOut | None:
    """Say why a touchpoint is left out; None if it is not timely.

    Parameters
    ----------
    candidate : Candidate
        One of its candidates.
    state : {"made", "ended", ...}
        How it stands (`serving.touchpoints.due.standing`).
    customer : Customer
        What is known of the customer.
    """
    name, label = candidate.touchpoint, candidate.label
    if state == "made":
        day = customer.day_of(customer.contacts[name])
        chinese = f"{label}已于{day.month}月{day.day}日触达或排定，不再重复"
        return LeftOut(name, state, chinese, f"{name}: the contact of {day} is enough")
    if state == "ended":
        chinese = f"{label}：客户已续保或已购买，不再触达"
        return LeftOut(name, state, chinese, f"{name}: the customer has renewed or bought")
    return None


def ended_reservations(
    catalogue: Catalogue, customer: Customer, history: History, occasions: Sequence[Occasion]
) -> list[str]:
    """List reserved touchpoints whose renewal was signed since, as the tags know by now.

    Parameters
    ----------
    catalogue : Catalogue
        The touchpoints of the home.
    customer : Customer
        What is known of the customer.
    history : History
        What the records know of them.
    occasions : sequence of Occasion
        Holidays and weather warnings.
    """
    signed, now = customer.signed_on, replace(customer, past=Past())
    if signed is None:
        return []

    def has_ended(name: str, reserved_on: date) -> bool:
        return signed >= reserved_on and any(
            variant is not None
            and "renewed" in endings(variant)
            and standing(name, variant, now, now.today, occasions=occasions).state == "not_due"
            for variant in catalogue.variants.get(name, {}).values()
        )

    return [
        reserved.touchpoint
        for reserved in history.reserved
        if has_ended(reserved.touchpoint, customer.day_of(reserved.reserved_at))
    ]
