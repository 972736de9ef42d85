"""Every interval that is printed, computed as it is printed, for `coverage.py`.

`shown` gives each figure with its interval. Of a whole world, with the true means in the place of
outcomes, it gives the truth: all figures but the loss are the same functions of means as of
outcomes, and a difference of losses is linear in them.
"""

from collections.abc import Callable, Collection, Iterator

import numpy as np
from drawn_sources import Line, Value, drawn_anew
from drawn_world import World

from training.estimators.encoding import Array, Flags
from training.estimators.losses import Kind, Outcomes, row_loss
from training.evaluation.calibration import (
    calibration_error,
    calibration_table,
    count_bins,
    fit_line,
)
from training.evaluation.contact import profit_curves
from training.evaluation.discrimination import BINS, Ranking
from training.evaluation.economics import Economics
from training.evaluation.fairness import fairness
from training.evaluation.figures import amount_figures, probability_figures
from training.evaluation.intervals import Customers
from training.evaluation.paired import compare, compare_calibration, gaps
from training.evaluation.peers import compare_with_peers
from training.evaluation.slices import ATTRIBUTES, parts, slices
from training.models import MODELS
from training.monitoring.bounds import Bounds
from training.monitoring.cohorts import SEGMENTS, cohort_figures, lift_of

Shown = dict[tuple[str, str], Value]
"""Figure and part -> value, low, high."""
MONEY = Economics({"phone": 8.0}, 150.0, {"phone": 0.2}, ())


def shown(
    world: World,
    label: Outcomes,
    generator: np.random.Generator,
    sources: Collection[str],
    exact: bool = False,
) -> Shown:
    """All figures of the rows with their intervals.

    Parameters
    ----------
    world : World
        The rows of a sample; of all customers for the truth.
    label : numpy.ndarray
        Shape (rows,): outcomes; for the truth the true means.
    generator : numpy.random.Generator
        Draws lots of a trial, and tags that drift.
    sources : collection of str
        Which of `SOURCES`.
    exact : bool
        Whether it is the truth: no interval is computed.
    """
    people = Customers(world.frame["customer_id"])
    lines: list[Line] = []
    for name in sources:
        source = SOURCES[name]
        if source is None:
            lines += list(drawn_anew(name, world, generator, exact))
        elif name != "profit" or world.kind == "probability":
            lines += list(source(world, label, people, exact))
    return {(figure, place): value for figure, place, value in lines}


def _of_all_rows(world: World, label: Outcomes, people: Customers, exact: bool) -> Iterator[Line]:
    """Figures of the report's head, and of the registry."""
    predicted = world.predicted
    names = {"auc": "AUC", "average_precision": "average precision", "ece": "calibration error",
             "slope": "slope", "intercept": "intercept"}  # fmt: skip
    if world.kind != "probability":
        names = {"gini": "Gini", "total_ratio": "total ratio", "ece": "calibration error"}
        figures = vars(amount_figures(label, predicted, people, world.kind))
    elif exact:
        line = fit_line(label, predicted, people)
        _, auc, precision = Ranking(label, predicted).measure()
        figures = {"auc": auc, "average_precision": precision}
        figures |= {"slope": line.slope, "intercept": line.intercept}
    else:
        figures = vars(probability_figures(label, predicted, people))
    if exact:
        names.pop("ece")
        yield from _errors(world, label, np.ones(len(label), bool), "calibration error", "")
    bins = count_bins(label, people)
    for key, name in names.items():
        bounds = (0.0, 0.0) if exact else (figures[f"{key}_low"], figures[f"{key}_high"])
        place = f" {bins} bins" if key == "ece" else ""
        yield name, place, (figures[key], *bounds)
    for row in calibration_table(label, predicted, people=people).itertuples():
        yield "observed mean by tenth", str(row.Index), (row.observed, row.low, row.high)


def _of_parts(world: World, label: Outcomes, people: Customers, exact: bool) -> Iterator[Line]:
    """Slices."""
    kind = world.kind
    inside = {
        f"{attribute.name} {value}": rows
        for attribute in ATTRIBUTES
        for value, _, rows in parts(world.frame, attribute)
    }
    for part in slices(world.frame, label, world.predicted, people, kind):
        place = f"{part.attribute} {part.value}"
        yield "slices, gap", place, (part.gap, *part.gap_interval)
        if not exact:
            rows = inside[place]
            bins = count_bins(label[rows], people.within(rows))
            error = (part.ece, *part.ece_interval)
            yield "slices, calibration error", f"{place} {bins} bins", error
            yield f"slices, {_order(kind)}", place, (part.order, *part.order_interval)
    for place, rows in inside.items() if exact else ():
        order = _measured(label[rows], world.predicted[rows], kind)
        yield f"slices, {_order(kind)}", place, (order, 0.0, 0.0)
        yield from _errors(world, label, rows, "slices, calibration error", place)


def _of_groups(world: World, label: Outcomes, people: Customers, _: bool) -> Iterator[Line]:
    """Fairness."""
    for attribute in fairness(world.frame, label, world.predicted, people, kind=world.kind):
        for group in attribute.groups:
            place = f"{attribute.attribute} {group.value}"
            yield "fairness, gap", place, (group.gap, *group.gap_interval)
            yield "fairness, selected", place, (group.selected, *group.selected_interval)
            yield "fairness, hit rate", place, (group.hit_rate, *group.hit_rate_interval)
        yield (
            "fairness, gap between groups",
            attribute.attribute,
            (attribute.calibration, *attribute.calibration_interval),
        )
        yield (
            "fairness, selection between groups",
            attribute.attribute,
            (attribute.selection, *attribute.selection_interval),
        )
        yield (
            "fairness, hit rate between groups",
            attribute.attribute,
            (attribute.hit_rate, *attribute.hit_rate_interval),
        )


def _against_another(
    world: World, label: Outcomes, people: Customers, exact: bool
) -> Iterator[Line]:
    """Peers, and `compare`."""
    kind, first, second = world.kind, world.other, world.predicted
    order = f"compare, {_order(kind)}"
    if exact:
        gain = _measured(label, second, kind) - _measured(label, first, kind)
        lower = float((_loss(label, first, kind) - _loss(label, second, kind)).mean())
        yield f"peers, {_order(kind)}", "", (gain, 0.0, 0.0)
        yield "peers, loss", "", (lower, 0.0, 0.0)
        yield order, "", (gain, 0.0, 0.0)
        yield "compare, loss", "", (-lower, 0.0, 0.0)
        for bins in range(1, BINS + 1):
            error = compare_calibration(label, first, second, people, kind, bins)
            yield "compare, calibration error", f"{bins} bins", (error.difference, 0.0, 0.0)
    else:
        (peer,) = compare_with_peers(label, second, {"other": first}, people, kind)
        yield (
            f"peers, {_order(kind)}",
            "",
            (peer.order_gain, peer.order_low, peer.order_high),
        )
        yield "peers, loss", "", (peer.loss_gain, peer.loss_low, peer.loss_high)
        both = compare(label, first, second, people, kind=kind)
        bins = f"{count_bins(label, people)} bins"
        for name, place, figure in ((order, "", both.order), ("compare, loss", "", both.loss),
                                    ("compare, calibration error", bins, both.ece)):  # fmt: skip
            yield name, place, (figure.difference, figure.low, figure.high)
    for column in ("gender", "city_tier"):
        for gap in gaps(label, second, people, world.frame[column], column, kind):
            yield "compare, gap of a group", f"{column} {gap.value}", (gap.gap, gap.low, gap.high)


def _monitored(world: World, label: Outcomes, people: Customers, exact: bool) -> Iterator[Line]:
    """Cohorts of `monitor`: all rows and segments."""
    kind, predicted = world.kind, world.predicted
    base = {"common": 0.3, "rare": 0.07, "count": 0.25, "amount": 4000.0}[world.name]
    order = "auc" if kind == "probability" else "gini"
    if exact:
        gained = _loss(label, np.full(len(label), base), kind) - _loss(label, predicted, kind)
        yield "monitoring, gap", "", (float((label - predicted).mean()), 0.0, 0.0)
        yield f"monitoring, {order}", "", (_measured(label, predicted, kind), 0.0, 0.0)
        lift, _ = lift_of(label, predicted, None, people, kind)
        yield "monitoring, lift", "", (lift, 0.0, 0.0)
        yield "monitoring, loss", "", (float(gained.mean()), 0.0, 0.0)
        if kind == "probability":
            slope = fit_line(label, predicted, people).slope
            yield "monitoring, slope", "", (slope, 0.0, 0.0)
        for attribute in SEGMENTS:
            for value, _, rows in parts(world.frame, attribute):
                gap = float((label[rows] - predicted[rows]).mean())
                place = f"{attribute.english} {value}"
                yield "monitoring, gap of a segment", place, (gap, 0.0, 0.0)
        return
    frame = world.frame.assign(label=label)
    reference = {"rows": 4.0 * len(label), "order": 0.7, "lift": 2.0, "base_rate": base}
    cohort = cohort_figures("all", frame, predicted, reference, Bounds(), 0.01, None, kind)
    for test in cohort.tests:
        figure = "gap of a segment" if test.subject else test.figure
        yield f"monitoring, {figure}", test.subject, (test.estimate, test.low, test.high)


def _profit(world: World, label: Outcomes, people: Customers, exact: bool) -> Iterator[Line]:
    """Profit by share contacted, and at the share of highest expected profit."""
    purpose = MODELS["churn"].purpose
    assert purpose is not None, "churn has a purpose"
    (curve,) = profit_curves(label, world.predicted, purpose, MONEY, people)
    for row in curve.table.itertuples():
        yield "profit by share", str(row.share), (row.profit, row.low, row.high)
        if exact:
            yield "profit at the best share", str(row.share), (row.profit, row.low, row.high)
    if not exact:
        value = (curve.best_profit, *curve.best_interval)
        yield "profit at the best share", str(curve.best_share), value


def _errors(world: World, label: Outcomes, rows: Flags, figure: str, place: str) -> Iterator[Line]:
    """True calibration errors of a part, in as many bins as a sample may have."""
    alone = Customers(world.frame["customer_id"][rows])
    for bins in range(1, BINS + 1):
        error = calibration_error(label[rows], world.predicted[rows], alone, world.kind, bins)
        yield figure, f"{place} {bins} bins", (error.value, 0.0, 0.0)


def _order(kind: Kind) -> str:
    return "AUC" if kind == "probability" else "Gini"


def _measured(label: Outcomes, predicted: Array, kind: Kind) -> float:
    return Ranking(label, predicted).measure()[1 if kind == "probability" else 0]


def _loss(label: Outcomes, predicted: Array, kind: Kind) -> Array:
    """Losses expected where the outcome has a mean; of all kinds less what no prediction moves."""
    if kind != "probability":
        return row_loss(label, predicted, kind)
    every: Flags = np.ones(len(label), bool)
    yes, no = row_loss(every, predicted), row_loss(~every, predicted)
    return np.asarray(label * yes + (1 - label) * no)


SOURCES: dict[str, Callable[[World, Outcomes, Customers, bool], Iterator[Line]] | None] = {
    "report": _of_all_rows,
    "fairness": _of_groups,
    "compare": _against_another,
    "slices": _of_parts,
    "monitoring": _monitored,
    "profit": _profit,
    "totals": None,
    "uplift": None,
    "drift": None,
}
"""Where the figures come from."""
