"""Which candidate it is: the best, or by lot where the customer explores; silence stands by.

Every choice states the probability it had, so that what other policies would have done can be
estimated from the records.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from serving.decision.candidates import Candidate, Value
from serving.decision.lots import lot


@dataclass(frozen=True)
class Chosen:
    """The action of a decision.

    Attributes
    ----------
    candidate : Candidate or None
        None is silence.
    probability : float
        Of this choice, given the tags: below 1 only where it was drawn.
    drawn : bool
        Whether the customer explores, so that chance chose.
    """

    candidate: Candidate | None
    probability: float
    drawn: bool


def choose(
    valued: Sequence[tuple[Candidate, Value]], *, explores: bool, lot_of: tuple[str, ...]
) -> Chosen:
    """The candidate of the greatest value above zero, else silence; or one of them by lot.

    Parameters
    ----------
    valued : sequence of (Candidate, Value)
        Those that no gate keeps back, in any order.
    explores : bool
        Whether chance chooses, all of them and silence alike.
    lot_of : tuple of str
        Words the lot is drawn from.
    """
    order = sorted(valued, key=lambda one: (-one[1].total, one[0].key))
    if not explores:
        best = order[0] if order and order[0][1].total > 0 else None
        return Chosen(best[0] if best else None, 1.0, drawn=False)
    # In an order that values have no part in: a retrained model must not change who draws what.
    actions: list[Candidate | None] = [
        None,
        *sorted((candidate for candidate, _ in valued), key=lambda one: one.key),
    ]
    place = int(lot(*lot_of) * len(actions))
    return Chosen(actions[place], 1 / len(actions), drawn=len(actions) > 1)
