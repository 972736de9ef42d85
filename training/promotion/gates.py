"""Judge by its gates whether a challenger may become champion.

Two kinds of proof. As a whole, the challenger must be shown to be no worse: the upper end of the
95% interval of its difference to the champion keeps the tolerance. A single group is small, so it
must not be shown to be harmed: it is when its difference is beyond the bound and beyond chance,
chance being counted over all groups compared (Sidak). A first version is compared with the base
rate, and there, too, it must only not be shown to be worse: the alternative is no prediction at
all. With fewer than 30 outcomes of one kind, neither a first version nor a group is judged, and
the verdict says so.
"""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from scipy.special import ndtri

from training.estimators.losses import LOSSES
from training.evaluation import slices
from training.evaluation.paired import Gap, PairedFigures
from training.model_spec import PromotionBounds
from training.promotion.comparison import Comparison
from training.promotion.verdicts import Verdict, say_verdict

ERROR = 0.01
"""Probability that chance alone makes one of all groups look harmed. At 0.05, with eight models
promoted at a time, a good one would be refused every second time."""

FEWEST = 30
"""Fewest outcomes of either kind, and customers, to judge a group by."""
BASES = {
    "probability": ("base rate", "基准率"),
    "count": ("mean", "均值"),
    "amount": ("mean", "均值"),
}
"""Kind of a prediction -> what it is without a model."""
ATTRIBUTES = {
    attribute.english: attribute for attribute in (*slices.ATTRIBUTES, *slices.PROTECTED_ATTRIBUTES)
}
"""Dimension of a comparison -> how reports of models name it and its parts."""
Part: TypeAlias = PairedFigures | Gap


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
    _, gate = LOSSES[comparison.kind]
    if _unproven(comparison):
        return _not_judged(gate, comparison)
    base, chinese_base = BASES[comparison.kind]
    return say_verdict(
        gate,
        "loss",
        worst <= gates.loss,
        {"difference": difference, "low": low, "high": high, "bound": gates.loss},
        challenger=loss.challenger,
        champion=loss.champion,
        peer="champion" if comparison.champion else base,
        chinese_peer="在用版本" if comparison.champion else chinese_base,
        base=base,
        chinese_base=chinese_base,
    )


def _calibration(gates: PromotionBounds, comparison: Comparison) -> Verdict:
    """Judge the difference of the calibration errors; of a first version its own error.

    The base rate has no calibration error worth the name, and none in tenths of another's
    predictions.
    """
    if _unproven(comparison):
        return _not_judged("calibration", comparison)
    ece, own, bound = comparison.overall.ece, comparison.overall.challenger_ece, gates.calibration
    if comparison.champion is None:
        (low, high), value = own.interval, own.value
        figures = {"difference": value, "low": low, "high": high, "bound": bound}
        return say_verdict("calibration", "own_calibration", low <= bound, figures)
    figures = {"difference": ece.difference, "low": ece.low, "high": ece.high, "bound": bound}
    return say_verdict(
        "calibration",
        "calibration",
        ece.high <= bound,
        figures,
        challenger=ece.challenger,
        champion=ece.champion,
    )


def _segments(gates: PromotionBounds, comparison: Comparison) -> Verdict:
    segments = [
        part for part in comparison.segments if min(part.outcomes, part.customers) >= FEWEST
    ]
    chance = beyond_chance(len(segments))
    relative = [part.loss.difference / (part.reference or 1.0) for part in segments]
    harmed = [
        part
        for part, share in zip(segments, relative, strict=True)
        if share > gates.segment and part.loss.difference > chance * part.loss.deviation
    ]
    base, chinese_base = BASES[comparison.kind]
    chinese_loss, loss = LOSSES[comparison.kind]
    figures = {
        "segments": len(segments),
        "harmed": len(harmed),
        "worst": max(relative, default=0.0),
        "bound": gates.segment,
    }
    kind = "segments_harmed" if harmed else "segments_hold" if segments else "no_segments"
    return say_verdict(
        "segments",
        kind,
        not harmed,
        figures,
        **_places(segments, relative, harmed),
        base=base,
        chinese_base=chinese_base,
        loss=loss,
        chinese_loss=chinese_loss,
    )


def _fairness(gates: PromotionBounds, comparison: Comparison) -> Verdict:
    gaps = [gap for gap in comparison.gaps if min(gap.outcomes, gap.customers) >= FEWEST]
    chance = beyond_chance(len(gaps))
    sizes = [abs(gap.gap) for gap in gaps]
    unfair = [
        gap
        for gap, size in zip(gaps, sizes, strict=True)
        if size > gates.fairness and size > chance * gap.deviation
    ]
    figures = {
        "groups": len(gaps),
        "unfair": len(unfair),
        "worst": max(sizes, default=0.0),
        "bound": gates.fairness,
    }
    kind = "groups_misjudged" if unfair else "groups_hold" if gaps else "no_groups"
    return say_verdict("fairness", kind, not unfair, figures, **_places(gaps, sizes, unfair))


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
    rows = comparison.overall.rows
    return say_verdict(gate, "not_judged", True, {"outcomes": outcomes}, rows=rows, fewest=FEWEST)


def _places(
    parts: Sequence[Part], sizes: Sequence[float], beyond: Sequence[Part]
) -> dict[str, str]:
    """Name the part of the largest figure, and those beyond the bound, in both languages."""
    worst = parts[int(np.argmax(sizes))] if parts else None
    return {
        "where": f"{worst.dimension} {worst.value}" if worst else "",
        "chinese_where": _chinese(worst) if worst else "",
        "names": ", ".join(f"{part.dimension} {part.value}" for part in beyond),
        "chinese_names": "、".join(map(_chinese, beyond)),
    }


def _chinese(part: Part) -> str:
    """Name a part in Chinese, as reports of models do."""
    return ATTRIBUTES[part.dimension].name_part(part.value)
