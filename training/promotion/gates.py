"""What a challenger must hold to become champion: bounds, and whether figures keep them.

Two kinds of proof. As a whole, the challenger must be shown to be no worse: the upper end of the
95% interval of its difference to the champion keeps the tolerance. A single group is small, so it
must not be shown to be harmed: it is when its difference is beyond the bound and beyond chance,
chance being counted over all groups looked at (Sidak). A first version meets the base rate in the
champion's place, and there, too, it must only not be shown to be worse: the alternative is no
prediction at all. Where fewer than 30 outcomes are of one kind, nothing is judged against the base
rate, and nothing of such a group; the verdict says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scipy.stats import norm

from training.estimators.losses import LOSSES
from training.model_spec import PromotionBounds
from training.promotion.comparison import Comparison

ERROR = 0.01
"""Probability that chance alone makes one of all groups look harmed. With eight models promoted at
a time, one in twenty would refuse a good one every second time."""

FEWEST = 30
"""Outcomes of either kind, and customers, below which chance cannot be told."""


@dataclass(frozen=True)
class Verdict:
    """Whether one gate holds.

    Attributes
    ----------
    gate : str
    passed : bool
    said : str
        The figures and the bound, in words.
    cure : str
        What to do where it does not hold.
    figures : Mapping[str, float]
    """

    gate: str
    passed: bool
    said: str
    cure: str
    figures: Mapping[str, float]


def judge(gates: PromotionBounds, found: Comparison) -> list[Verdict]:
    """The verdicts that follow from a comparison."""
    return [
        _loss(gates, found),
        _calibration(gates, found),
        _segments(gates, found),
        _fairness(gates, found),
    ]


def _loss(gates: PromotionBounds, found: Comparison) -> Verdict:
    one = found.overall.loss
    scale = found.overall.reference
    difference, low, high = (value / scale for value in (one.difference, one.low, one.high))
    worst = high if found.champion else low
    if _unproven(found):
        return _not_judged(_loss_name(found), found)
    return Verdict(
        _loss_name(found),
        worst <= gates.loss,
        f"{one.challenger:.4f}, {_peer(found)} {one.champion:.4f}: {difference:+.2%} of the "
        f"{_base(found)}'s ({low:+.2%} to {high:+.2%}), at most {gates.loss:+.2%} allowed",
        "see `guanjia compare` for where it loses; train with other parameters, tags or a later "
        "--known-by, or compare on more outcomes",
        {"difference": difference, "low": low, "high": high, "bound": gates.loss},
    )


def _calibration(gates: PromotionBounds, found: Comparison) -> Verdict:
    if _unproven(found):
        return _not_judged("calibration", found)
    one = found.overall.ece
    worst = one.high if found.champion else _unbiased_low(one.difference, one.high)
    return Verdict(
        "calibration",
        worst <= gates.calibration,
        f"ECE {one.challenger:.4f}, {_peer(found)} {one.champion:.4f}: {one.difference:+.4f} "
        f"({one.low:+.4f} to {one.high:+.4f}), at most {gates.calibration:+.4f} allowed",
        "train with a later --known-by, so that the calibration slice is nearer",
        {
            "difference": one.difference,
            "low": one.low,
            "high": one.high,
            "bound": gates.calibration,
        },
    )


def _unbiased_low(difference: float, high: float) -> float:
    """The lower end of the basic bootstrap interval.

    A constant has no calibration error of its own to cancel what resampling adds to the other's.
    """
    return 2 * difference - high


def _segments(gates: PromotionBounds, found: Comparison) -> Verdict:
    judged = [one for one in found.segments if min(one.outcomes, one.customers) >= FEWEST]
    sure = beyond_chance(len(judged))
    relative = {
        f"{one.dimension} {one.value}": one.loss.difference / (one.reference or 1.0)
        for one in judged
    }
    harmed = [
        name
        for one, (name, share) in zip(judged, relative.items(), strict=True)
        if share > gates.segment and one.loss.difference > sure * one.loss.deviation
    ]
    return Verdict(
        "segments",
        not harmed,
        f"{len(judged)} segments judged; {_worst(relative, '{:+.2%}')}; "
        f"{_named(harmed, 'harmed')} beyond {gates.segment:+.2%} of the "
        f"{_base(found)}'s {_loss_name(found)}",
        "see `guanjia compare` by segment; add what tells these customers apart, or keep the "
        "champion",
        {
            "segments": len(judged),
            "harmed": len(harmed),
            "worst": _most(relative),
            "bound": gates.segment,
        },
    )


def _fairness(gates: PromotionBounds, found: Comparison) -> Verdict:
    judged = [one for one in found.gaps if min(one.outcomes, one.customers) >= FEWEST]
    sure = beyond_chance(len(judged))
    wide = {f"{one.dimension} {one.value}": abs(one.gap) for one in judged}
    unfair = [
        name
        for one, (name, gap) in zip(judged, wide.items(), strict=True)
        if gap > gates.fairness and gap > sure * one.deviation
    ]
    return Verdict(
        "fairness",
        not unfair,
        f"{len(judged)} groups of gender, age and region judged; {_worst(wide, '{:.4f}')}; "
        f"{_named(unfair, 'misjudged')} by more than {gates.fairness:.4f}",
        "see the gaps of `guanjia compare --json`; calibrate on more of these customers, or leave "
        "out tags that stand for the group",
        {
            "groups": len(judged),
            "unfair": len(unfair),
            "worst": _most(wide),
            "bound": gates.fairness,
        },
    )


def beyond_chance(groups: int) -> float:
    """How many standard deviations chance alone exceeds in one of so many groups, rarely.

    Examples
    --------
    >>> round(beyond_chance(1), 2), round(beyond_chance(30), 2)
    (2.58, 3.59)
    """
    return float(norm.ppf(1 - (1 - (1 - ERROR) ** (1 / max(groups, 1))) / 2))


def _unproven(found: Comparison) -> bool:
    """Whether a first version has too few outcomes to be held against the base rate."""
    one = found.overall
    return found.champion is None and one.outcomes < FEWEST


def _not_judged(gate: str, found: Comparison) -> Verdict:
    outcomes = found.overall.outcomes
    said = f"not judged: {outcomes} outcomes in {found.overall.rows} rows, fewer than {FEWEST}"
    return Verdict(gate, True, said, "", {"outcomes": outcomes})


def _peer(found: Comparison) -> str:
    return "champion" if found.champion else _base(found)


def _base(found: Comparison) -> str:
    """What is told without a model."""
    return "base rate" if found.kind == "probability" else "mean"


def _loss_name(found: Comparison) -> str:
    return LOSSES[found.kind][1]


def _most(values: Mapping[str, float]) -> float:
    return max(values.values(), default=0.0)


def _worst(values: Mapping[str, float], form: str) -> str:
    if not values:
        return "none has customers enough"
    name = max(values, key=lambda one: values[one])
    return f"largest {form.format(values[name])} ({name})"


def _named(names: Sequence[str], what: str) -> str:
    return f"{what}: {', '.join(names)}" if names else f"none {what}"
