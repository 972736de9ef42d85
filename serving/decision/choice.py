"""Pick the best candidate, or a random one for customers in the exploration share.

Every choice states its probability, so that other policies can be evaluated from the records.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from serving.decision.candidates import Candidate, Value
from serving.lots import draw_lot


@dataclass(frozen=True)
class Choice:
    """The candidate that was picked, and with which probability.

    Attributes
    ----------
    candidate : Candidate or None
        None is silence.
    probability : float
        Probability of this choice, given the tags: below 1 only if it was drawn by lot.
    drawn : bool
        Whether the choice was drawn by lot, because the customer is in the exploration share.
    """

    candidate: Candidate | None
    probability: float
    drawn: bool


def choose(
    valued: Sequence[tuple[Candidate, Value]], *, explores: bool, lot_words: tuple[str, ...]
) -> Choice:
    """Pick the candidate of the greatest value above zero, else silence; or draw by lot.

    Parameters
    ----------
    valued : sequence of (Candidate, Value)
        Candidates that pass all gates, in any order.
    explores : bool
        Whether to draw by lot; silence and every candidate then have the same probability.
    lot_words : tuple of str
        Words that determine the lot (`draw_lot`).
    """
    order = sorted(valued, key=lambda pair: (-pair[1].total, pair[0].key))
    if not explores:
        best = order[0] if order and order[0][1].total > 0 else None
        return Choice(best[0] if best else None, 1.0, drawn=False)
    # In an order that values have no part in: a retrained model must not change who draws what.
    actions: list[Candidate | None] = [
        None,
        *sorted((candidate for candidate, _ in valued), key=lambda candidate: candidate.key),
    ]
    place = int(draw_lot(*lot_words) * len(actions))
    return Choice(actions[place], 1 / len(actions), drawn=len(actions) > 1)
