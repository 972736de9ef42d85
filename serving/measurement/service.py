"""Measure whether service pays: what the use of entitlements adds to renewal, and in yuan.

Whoever uses a service differs from whoever does not, so the raw difference of their renewals is no
effect. Where reminders were drawn by lot, the effect is that of the reminder on renewal over that
on use (`training.experiments.compliers`); elsewhere users are compared with others who were alike
when the term began (`training.experiments.observational`), which is observational and says so. The
raw difference never stands without the adjusted one beside it.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import date

import numpy as np
from scipy.special import ndtr

from features.errors import GuanjiaError
from features.lake import Lake
from features.progress import Report, quiet
from serving.measurement.acquisition import Acquisition, acquisition_costs
from serving.measurement.service_figures import (
    BREAKDOWNS,
    RELEVANT_YUAN,
    WORTH_SHARE,
    Estimate,
    LotFigures,
    ObservedFigures,
    ServiceGroup,
    ServiceReport,
)
from serving.measurement.service_rows import ServiceRows, gather_service_rows
from training.experiments.compliers import ComplierEffect, complier_effect
from training.experiments.corrections import holm
from training.experiments.effects import average_effect
from training.experiments.observational import FEWEST, Adjustment, adjust
from training.experiments.off_policy import Value
from training.experiments.power import Design, needed_units
from training.experiments.sample import Array, Flags, Sample
from training.experiments.sample_ratio import check_ratio

RENEWAL, YUAN = "renewal", "yuan"
ERROR = 0.05


def measure_service(
    lake: Lake,
    as_of: date,
    worth_share: float = WORTH_SHARE,
    branches: Collection[str] | None = None,
    report: Report = quiet,
) -> ServiceReport:
    """Measure whether service pays, from all terms whose renewal is ripe.

    Parameters
    ----------
    lake : Lake
        Home with checked tables.
    as_of : date
        What was recorded by the end of this day counts.
    worth_share : float
        Worth of a renewal as a share of the commercial premium of the term, above 0.
    branches : collection of str, optional
        Only customers of these branches.
    report : Report
        Hears of breakdowns done.

    Raises
    ------
    GuanjiaError
        If tables are missing, no term is ripe, or the worth is not above 0.
    """
    if not worth_share > 0:
        raise GuanjiaError("worth of a renewal", f"{worth_share:g} is not above 0", "use 0.1")
    rows = gather_service_rows(lake, as_of, branches)
    acquisition = acquisition_costs(lake, as_of)
    outcomes = {
        RENEWAL: rows.renewed.astype(float),
        YUAN: rows.renewed * rows.premium * worth_share - rows.cost,
    }
    adjustment = _adjustment(rows, outcomes)
    groups: list[ServiceGroup] = []
    for number, breakdown in enumerate(BREAKDOWNS):
        levels = [
            _group(rows, outcomes, adjustment, acquisition, breakdown, level, marked)
            for level, marked in _levels(rows, breakdown)
        ]
        groups += _judge_levels(levels)
        report("service-effect", number + 1, len(BREAKDOWNS))
    return ServiceReport(as_of, worth_share, acquisition, rows.without_cost, groups)


def _adjustment(rows: ServiceRows, outcomes: Mapping[str, Array]) -> Adjustment | None:
    sizes = int(rows.used.sum()), int((~rows.used).sum())
    return (
        adjust(outcomes, rows.used, rows.columns, rows.clusters) if min(sizes) >= FEWEST else None
    )


def _levels(rows: ServiceRows, breakdown: str) -> Iterator[tuple[str, Flags]]:
    if breakdown == "all":
        yield "all", np.ones(len(rows.used), bool)
        return
    levels = rows.levels[breakdown]
    for level in np.unique(levels).tolist():
        yield level, levels == level


def _group(
    rows: ServiceRows,
    outcomes: Mapping[str, Array],
    adjustment: Adjustment | None,
    acquisition: Acquisition | None,
    breakdown: str,
    level: str,
    marked: Flags,
) -> ServiceGroup:
    used = rows.used[marked]
    raw = None
    if 0 < used.sum() < len(used):
        raw = average_effect(
            outcomes[RENEWAL][marked], Sample(used, clusters=rows.clusters[marked])
        )
    lot = _lot(rows, outcomes, adjustment, marked)
    observed = _observed(adjustment, marked)
    chosen = lot if lot is not None and lot.mismatch is None else observed
    saved = None if acquisition is None else acquisition.saved
    gained = Estimate(None, None, None, None, 1.0) if chosen is None else chosen.renewal
    return ServiceGroup(
        breakdown=breakdown,
        level=level,
        rows=len(used),
        users=int(used.sum()),
        cost=float(rows.cost[marked][used].mean()) if used.any() else None,
        raw_difference=None if raw is None else raw.value,
        raw_low=None if raw is None else raw.low,
        raw_high=None if raw is None else raw.high,
        lot=lot,
        observed=observed,
        method="none" if chosen is None else "lot" if chosen is lot else "observational",
        p_value=None if chosen is None else chosen.yuan.p_value,
        verdict="too_small",
        needed_rows=None,
        acquisition_saved=_times(saved, gained.value),
        acquisition_low=_times(saved, gained.low),
        acquisition_high=_times(saved, gained.high),
    )


def _times(yuan: float | None, renewals: float | None) -> float | None:
    return None if yuan is None or renewals is None else yuan * renewals


def _lot(
    rows: ServiceRows, outcomes: Mapping[str, Array], adjustment: Adjustment | None, marked: Flags
) -> LotFigures | None:
    """Estimate from the rows that were drawn; None where either arm has too few."""
    chosen = marked & rows.drawn
    reminded = rows.reminded[chosen]
    sizes = {"reminder": int(reminded.sum()), "control": int((~reminded).sum())}
    if min(sizes.values()) < FEWEST or len(np.unique(rows.clusters[chosen])) < 2 * FEWEST:
        return None
    probability = rows.probability[chosen]
    share = float(probability.mean())
    effects: dict[str, ComplierEffect] = {}
    for name, outcome in outcomes.items():
        covariates = None
        if adjustment is not None:
            covariates = np.column_stack([adjustment.score, adjustment.expected[name]])[chosen]
        sample = Sample(reminded, probability, rows.clusters[chosen], covariates)
        most = 1.0 if name == RENEWAL else np.inf
        effects[name] = complier_effect(outcome[chosen], rows.used[chosen], sample, most)
    renewal, yuan = effects[RENEWAL], effects[YUAN]
    return LotFigures(
        rows=len(reminded),
        reminded=sizes["reminder"],
        use_added=yuan.on_receiving.value,
        strength=yuan.strength,
        mismatch=check_ratio(sizes, {"reminder": share, "control": 1 - share}).fault,
        renewal=_complier_estimate(renewal),
        yuan=_complier_estimate(yuan),
        needed_rows=_needed_rows(yuan, share),
    )


def _complier_estimate(effect: ComplierEffect) -> Estimate:
    return Estimate(
        value=_finite(effect.value),
        low=_finite(effect.low),
        high=_finite(effect.high),
        gap=effect.gap,
        # No effect of use says the same as no effect of the lot on the outcome.
        p_value=effect.on_outcome.p_value,
    )


def _finite(end: float) -> float | None:
    return end if abs(end) < np.inf else None


def _needed_rows(effect: ComplierEffect, share: float) -> int | None:
    """Return how many rows of this lot would show `RELEVANT_YUAN`; None if it moves no use."""
    drawn = effect.on_outcome.treated + effect.on_outcome.control
    moved = effect.on_receiving.value
    if moved <= 0 or not 0 < effect.on_outcome.deviation < np.inf:
        return None
    deviation = effect.on_outcome.deviation * np.sqrt(drawn * share * (1 - share))
    return needed_units(Design(drawn, 1 - share, float(deviation)), RELEVANT_YUAN * moved)


def _observed(adjustment: Adjustment | None, marked: Flags) -> ObservedFigures | None:
    if adjustment is None:
        return None
    try:
        renewal = adjustment.effect(RENEWAL, marked)
        yuan = adjustment.effect(YUAN, marked)
    except GuanjiaError:
        return None  # too few of either kind have a counterpart
    return ObservedFigures(
        _value_estimate(renewal.adjusted), _value_estimate(yuan.adjusted), renewal.overlap
    )


def _value_estimate(value: Value) -> Estimate:
    deviation = (value.high - value.low) / 2 / 1.959964
    p_value = 2 * ndtr(-abs(value.value) / deviation) if deviation > 0 else 1.0
    return Estimate(value.value, value.low, value.high, None, float(p_value))


def _judge_levels(levels: list[ServiceGroup]) -> list[ServiceGroup]:
    """Judge the return in yuan of all levels of a breakdown together."""
    p_values = {group.level: group.p_value for group in levels if group.p_value is not None}
    corrected = holm(p_values)
    return [_judge(group, corrected.get(group.level)) for group in levels]


def _judge(group: ServiceGroup, p_value: float | None) -> ServiceGroup:
    chosen = group.lot if group.method == "lot" else group.observed
    if chosen is None or p_value is None:
        return group
    yuan = chosen.yuan
    proven = p_value < ERROR
    if proven and yuan.low is not None and yuan.low > 0:
        return replace(group, p_value=p_value, verdict="pays")
    if proven and yuan.high is not None and yuan.high < 0:
        return replace(group, p_value=p_value, verdict="does_not_pay")
    needed = group.lot.needed_rows if group.lot is not None else None
    return replace(group, p_value=p_value, verdict="too_small", needed_rows=needed)
