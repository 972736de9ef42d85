"""Judge by its gates whether a challenger may become champion.

Two kinds of proof. As a whole, the challenger must be shown to be no worse: the upper end of the
95% interval of its difference to the champion keeps the tolerance. A single group is small, so it
must not be shown to be harmed: it is when its difference is beyond the bound and beyond chance,
chance being counted over all groups compared (Sidak). A first version is compared with the base
rate, and there, too, it must only not be shown to be worse: the alternative is no prediction at
all. With fewer than 30 outcomes of one kind, neither a first version nor a group is judged, and
the verdict says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scipy.special import ndtri

from training.estimators.losses import LOSSES
from training.model_spec import PromotionBounds
from training.promotion.comparison import Comparison

ERROR = 0.01
"""Probability that chance alone makes one of all groups look harmed. At 0.05, with eight models
promoted at a time, a good one would be refused every second time."""

FEWEST = 30
"""Fewest outcomes of either kind, and customers, to judge a group by."""


@dataclass(frozen=True)
class Verdict:
    """Whether one gate holds.

    Attributes
    ----------
    gate : str
        Name of the gate.
    passed : bool
        True if it holds.
    sentence : str
        The figures and the bound, in words.
    cure : str
        What to do if it does not hold.
    figures : Mapping[str, float]
        The same figures as numbers.
    """

    gate: str
    passed: bool
    sentence: str
    cure: str
    figures: Mapping[str, float]


def judge(gates: PromotionBounds, comparison: Comparison) -> list[Verdict]:
    """Judge a comparison by every gate, in order."""
    return [
        _loss(gates, comparison),
        _calibration(gates, comparison),
        _segments(gates, comparison),
        _fairness(gates, comparison),
    ]


def _loss(gates: PromotionBounds, comparison: Comparison) -> Verdict:
    loss = comparison.overall.loss
    scale = comparison.overall.reference
    difference, low, high = (value / scale for value in (loss.difference, loss.low, loss.high))
    worst = high if comparison.champion else low
    if _unproven(comparison):
        return _not_judged(_loss_name(comparison), comparison)
    return Verdict(
        _loss_name(comparison),
        worst <= gates.loss,
        f"{loss.challenger:.4f}, {_peer(comparison)} {loss.champion:.4f}: {difference:+.2%} of the "
        f"{_base(comparison)}'s ({low:+.2%} to {high:+.2%}), at most {gates.loss:+.2%} allowed",
        "see `guanjia compare` for where it loses; train with other parameters, tags or a later "
        "--known-by, or compare on more outcomes",
        {"difference": difference, "low": low, "high": high, "bound": gates.loss},
    )


def _calibration(gates: PromotionBounds, comparison: Comparison) -> Verdict:
    """Judge the difference of the calibration errors; of a first version its own error.

    The base rate has no calibration error worth the name, and none in tenths of another's
    predictions.
    """
    if _unproven(comparison):
        return _not_judged("calibration", comparison)
    ece, own = comparison.overall.ece, comparison.overall.challenger_ece
    difference, low, high = ece.difference, ece.low, ece.high
    sentence = f"ECE {ece.challenger:.4f}, champion {ece.champion:.4f}: {ece.difference:+.4f} "
    if comparison.champion is None:
        (low, high), difference = own.interval, own.value
        sentence = f"ECE {own.value:.4f} "
    worst = high if comparison.champion else low
    return Verdict(
        "calibration",
        worst <= gates.calibration,
        f"{sentence}({low:+.4f} to {high:+.4f}), at most {gates.calibration:+.4f} allowed",
        "train with a later --known-by, so that the calibration slice is nearer",
        {"difference": difference, "low": low, "high": high, "bound": gates.calibration},
    )


def _segments(gates: PromotionBounds, comparison: Comparison) -> Verdict:
    segments = [
        part for part in comparison.segments if min(part.outcomes, part.customers) >= FEWEST
    ]
    chance = beyond_chance(len(segments))
    relative = {
        f"{part.dimension} {part.value}": part.loss.difference / (part.reference or 1.0)
        for part in segments
    }
    harmed = [
        name
        for part, (name, share) in zip(segments, relative.items(), strict=True)
        if share > gates.segment and part.loss.difference > chance * part.loss.deviation
    ]
    return Verdict(
        "segments",
        not harmed,
        f"{len(segments)} segments judged; {_worst(relative, '{:+.2%}')}; "
        f"{_listed(harmed, 'harmed')} beyond {gates.segment:+.2%} of the "
        f"{_base(comparison)}'s {_loss_name(comparison)}",
        "see `guanjia compare` by segment; add what tells these customers apart, or keep the "
        "champion",
        {
            "segments": len(segments),
            "harmed": len(harmed),
            "worst": _most(relative),
            "bound": gates.segment,
        },
    )


def _fairness(gates: PromotionBounds, comparison: Comparison) -> Verdict:
    gaps = [gap for gap in comparison.gaps if min(gap.outcomes, gap.customers) >= FEWEST]
    chance = beyond_chance(len(gaps))
    sizes = {f"{gap.dimension} {gap.value}": abs(gap.gap) for gap in gaps}
    unfair = [
        name
        for gap, (name, size) in zip(gaps, sizes.items(), strict=True)
        if size > gates.fairness and size > chance * gap.deviation
    ]
    return Verdict(
        "fairness",
        not unfair,
        f"{len(gaps)} groups of gender, age and region judged; {_worst(sizes, '{:.4f}')}; "
        f"{_listed(unfair, 'misjudged')} by more than {gates.fairness:.4f}",
        "see the gaps of `guanjia compare --json`; calibrate on more of these customers, or leave "
        "out tags that stand for the group",
        {
            "groups": len(gaps),
            "unfair": len(unfair),
            "worst": _most(sizes),
            "bound": gates.fairness,
        },
    )


def beyond_chance(groups: int) -> float:
    """Calculate how many standard deviations chance alone rarely exceeds in any of some groups.

    Examples
    --------
    >>> round(beyond_chance(1), 2), round(beyond_chance(30), 2)
    (2.58, 3.59)
    """
    return float(ndtri(1 - (1 - (1 - ERROR) ** (1 / max(groups, 1))) / 2))


def _unproven(comparison: Comparison) -> bool:
    """Check whether a first version has too few outcomes to compare with the base rate."""
    return comparison.champion is None and comparison.overall.outcomes < FEWEST


def _not_judged(gate: str, comparison: Comparison) -> Verdict:
    outcomes = comparison.overall.outcomes
    sentence = (
        f"not judged: {outcomes} outcomes in {comparison.overall.rows} rows, fewer than {FEWEST}"
    )
    return Verdict(gate, True, sentence, "", {"outcomes": outcomes})


def _peer(comparison: Comparison) -> str:
    return "champion" if comparison.champion else _base(comparison)


def _base(comparison: Comparison) -> str:
    """Name the prediction without a model."""
    return "base rate" if comparison.kind == "probability" else "mean"


def _loss_name(comparison: Comparison) -> str:
    return LOSSES[comparison.kind][1]


def _most(values: Mapping[str, float]) -> float:
    return max(values.values(), default=0.0)


def _worst(values: Mapping[str, float], form: str) -> str:
    if not values:
        return "none has customers enough"
    name = max(values, key=lambda name: values[name])
    return f"largest {form.format(values[name])} ({name})"


def _listed(names: Sequence[str], what: str) -> str:
    return f"{what}: {', '.join(names)}" if names else f"none {what}"
