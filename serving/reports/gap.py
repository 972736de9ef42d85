"""Split the gap to a full renewal exactly: by office and by reason, to the last term.

The gap is the share of the terms due that was lost. The impact of an office is its lost terms over
*all* terms due, so that the impacts add up to the gap; so do the reasons inside each office.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class GapRow:
    """An office's part of the gap.

    Attributes
    ----------
    key : str
        The office.
    lost : int
        Its terms lost.
    impact : Fraction
        `lost` over all terms due.
    reasons : dict of str to Fraction
        The impact by reason.
    """

    key: str
    lost: int
    impact: Fraction
    reasons: dict[str, Fraction]


def split_gap(lost: Mapping[str, Mapping[str, int]], due: int) -> list[GapRow]:
    """Split the gap by office and reason, the largest impact first.

    Parameters
    ----------
    lost : mapping of str to mapping of str to int
        Office -> reason -> terms lost.
    due : int
        All terms due, of every office.

    Raises
    ------
    ValueError
        If more terms are lost than due.
    """
    total = sum(sum(reasons.values()) for reasons in lost.values())
    if total > due:
        raise ValueError(f"{total} terms are lost of {due} due")
    rows = []
    for key, reasons in lost.items():
        count = sum(reasons.values())
        parts = {reason: Fraction(number, due or 1) for reason, number in reasons.items()}
        rows.append(GapRow(key, count, Fraction(count, due or 1), parts))
    return sorted(rows, key=lambda row: (-row.lost, row.key))


def round_parts(counts: Sequence[int], of: int, places: int = 4) -> list[float]:
    """Round shares so that the rounded ones add up to the rounded sum (largest remainder).

    Parameters
    ----------
    counts : sequence of int
        Parts of a whole.
    of : int
        What they are shares of.
    places : int
        Decimal places.

    Examples
    --------
    >>> round_parts([1, 1, 1], 3, 2)
    [0.34, 0.33, 0.33]
    """
    if not of:
        return [0.0 for _ in counts]
    unit = 10**places
    floors = [count * unit // of for count in counts]
    # Half up, in whole numbers: a float would lose the last unit.
    rounded_sum = (2 * sum(counts) * unit + of) // (2 * of)
    order = sorted(range(len(counts)), key=lambda place: (-(counts[place] * unit % of), place))
    for place in order[: rounded_sum - sum(floors)]:
        floors[place] += 1
    return [floor / unit for floor in floors]
