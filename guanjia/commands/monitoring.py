"""Champions watched: later outcomes, what is asked now, and what to do where a bound breaks."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from features.jsonable import jsonable
from guanjia.commands.registry import models_named
from guanjia.terminal.options import Json, MaybeAsOf, lake, latest
from guanjia.terminal.output import Table, emit, from_here, progress, table

if TYPE_CHECKING:
    from training.estimators.losses import Kind
    from training.monitoring.alerts import Alert
    from training.monitoring.cohorts import CohortFigures
    from training.monitoring.drift import Drift
    from training.monitoring.watch import MonitoringReport

MOST_TAGS, MOST_ALERTS = 5, 20
NOTE = """\
cohort: month in which its outcomes ripened; none was known when the champion learned.
gap: observed minus predicted, with its 95% interval over customers: in points of a probability, in
percent of what was told of a count or an amount.
gain: how much lower the loss is than that of telling the mean. lift: of the tenth contacted first.
!: an alert, of all rows or of a segment. -: too few outcomes to judge."""


def monitor(
    as_of: MaybeAsOf = None,
    model: Annotated[str, typer.Option(help="A model, a family of models, or all.")] = "all",
    months: Annotated[int, typer.Option(min=1, help="At most so many cohorts a model.")] = 12,
    json: Json = False,
) -> None:
    """Watch champions: outcomes since, and drift of what is asked.

    The exit code is 1 where a bound is broken.
    """
    from training.monitoring.files import write_monitoring
    from training.monitoring.watch import watch
    from training.registry.champions import NoChampionError, no_champion

    where = lake()
    on = as_of or latest(where, "snapshots", "give --as-of DATE")
    names, found, without = models_named(model), [], []
    with progress(json) as report:
        for name in names:
            try:
                found.append(watch(where, name, on, months, report))
            except NoChampionError:
                without.append(name)
    if not found:
        raise no_champion(names[0])
    alerts = [alert for one in found for alert in one.alerts]
    content = jsonable({"as_of": on, "passed": not alerts, "without": without, "models": found})
    path = write_monitoring(where, on, content)
    shown = [part for one in found for part in watched_shown(one)]
    emit(content, json, *shown, *_end(alerts, without, from_here(path)))
    if alerts:
        raise typer.Exit(1)


def watched_shown(found: "MonitoringReport") -> list[Table | str]:
    """A champion for a person: its cohorts, what is asked now, then every alert with its cure."""
    said = found.stated
    title = f"{found.model} {found.label}: champion {said.version}, learned by {said.known_by}"
    story: list[Table | str] = []
    if found.cohorts:
        rows = [_reference_row(found), *(_cohort_row(one, found.kind) for one in found.cohorts)]
        if found.together:
            rows.append(_cohort_row(found.together, found.kind) | {"cohort": "together"})
        story += [table(title, rows)]
    else:
        wait = f"; the first is whole on {found.ripe_on}" if found.ripe_on else ""
        story += [title, f"No cohort has ripened since, as known by {found.as_of}{wait}."]
    story += _drift_shown(found.drift) if found.drift else [
        "Drift is not judged: no snapshot is later than its test questions. "
        f"Run `guanjia tags --as-of {found.as_of}`."
    ]  # fmt: skip
    if not said.from_registry:
        story.append("The registry is away: what the champion learned from is as read before.")
    return [*story, *_alerts_shown(found.alerts), ""]


def _reference_row(found: "MonitoringReport") -> dict[str, Any]:
    from training.estimators.losses import RANKINGS

    figures = found.stated.figures
    return {
        "cohort": "test slice",
        "rows": int(found.reference["rows"]),
        "observed": None,
        "told": None,
        "gap": "-",
        "slope": figures.get("slope"),
        "ECE": figures.get("ece"),
        "gain": "-",
        RANKINGS[found.kind][1]: found.reference["order"],
        "lift": found.reference["lift"],
        "!": "",
    }


def _cohort_row(one: "CohortFigures", kind: "Kind") -> dict[str, Any]:
    from training.estimators.losses import RANKINGS

    # Points of a probability; of a count or an amount, percent of what was told.
    unit = 100 if kind == "probability" else 100 / one.told
    gap = f"{(one.observed - one.told) * unit:+.1f}"
    overall = next((test for test in one.tests if test.figure == "gap"), None)
    if overall is not None:
        gap += f" ({overall.low * unit:+.1f} to {overall.high * unit:+.1f})"
    return {
        "cohort": one.name,
        "rows": one.rows,
        "observed": one.observed,
        "told": one.told,
        "gap": gap,
        "slope": one.slope,
        "ECE": one.ece,
        "gain": f"{1 - one.loss / one.base_loss:.1%}",
        RANKINGS[kind][1]: one.order,
        "lift": one.lift,
        "!": "!" * len(one.alerts) if one.tests else "-",
    }


def _drift_shown(drift: "Drift") -> list[Table | str]:
    moved = sorted(drift.tags, key=lambda one: -one.psi)[:MOST_TAGS]
    said = (
        f"Asked on {drift.as_of}: {drift.rows:,} rows, mean score {drift.told:.3f}, in the test "
        f"slice {drift.told_before:.3f}; PSI of the scores {drift.psi:.3f}."
    )
    rows = [
        {
            "tag": one.tag,
            "PSI": one.psi,
            "moves of scores": f"{one.share:.1%}",
            "adds to mean score": f"{one.score:+.3f}",
        }
        for one in moved
    ]
    return [said, table("Largest drifts of tags that matter", rows)] if rows else [said]


def _alerts_shown(alerts: "Sequence[Alert]") -> list[Table | str]:
    if not alerts:
        return ["No alert."]
    shown: list[Table | str] = []
    for place, one in enumerate(alerts[:MOST_ALERTS]):
        shown.append(f"ALERT {one.model}, {one.cohort}: {one.said}.")
        following = alerts[place + 1 : min(place + 2, MOST_ALERTS)]
        if not following or following[0].cure != one.cure:
            shown.append(f"  {one.cure[:1].upper()}{one.cure[1:]}.")
    if len(alerts) > MOST_ALERTS:
        shown.append(f"and {len(alerts) - MOST_ALERTS} more: see --json")
    return shown


def _end(alerts: "Sequence[Alert]", without: Sequence[str], path: str) -> list[str]:
    told = [NOTE]
    if without:
        told.append(f"Without a champion, not watched: {', '.join(without)}.")
    told.append(f"Alerts: {len(alerts)}. Written: {path}")
    cure = "do what the first alert says" if alerts else "watch again when the next month is over"
    return [*told, f"Next: {cure}."]
