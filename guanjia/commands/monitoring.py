"""Command to watch champions: later outcomes, drift, and what to do if a bound breaks."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from features.jsonable import jsonable
from guanjia.commands.registry import select_models
from guanjia.terminal.options import Json, MaybeAsOf, latest_date, open_published
from guanjia.terminal.output import Table, emit, progress, short_path, table

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
percent of the predicted count or amount.
gain: how much lower the loss is than that of the mean. lift: of the tenth contacted first.
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
    names = select_models(model)
    from training.monitoring.files import write_monitoring
    from training.monitoring.watch import watch
    from training.registry.champions import NoChampionError, no_champion

    lake = open_published()
    on = as_of or latest_date(lake, "snapshots", "give --as-of DATE")
    watched, without = [], []
    with progress(json) as report:
        for name in names:
            try:
                watched.append(watch(lake, name, on, months, report))
            except NoChampionError:
                without.append(name)
    if not watched:
        raise no_champion(names[0])
    alerts = [alert for champion in watched for alert in champion.alerts]
    content = jsonable({"as_of": on, "passed": not alerts, "without": without, "models": watched})
    path = write_monitoring(lake, on, content)
    shown = [part for champion in watched for part in show_champion(champion)]
    emit(content, json, *shown, *_end(alerts, without, short_path(path)))
    if alerts:
        raise typer.Exit(1)


def show_champion(watched: "MonitoringReport") -> list[Table | str]:
    """Show a watched champion: its cohorts, what is asked now, then every alert with its cure."""
    training = watched.stated
    title = (
        f"{watched.model} {watched.label}: champion {training.version}, "
        f"learned by {training.known_by}"
    )
    story: list[Table | str] = []
    if watched.cohorts:
        rows = [
            _reference_row(watched),
            *(_cohort_row(cohort, watched.kind) for cohort in watched.cohorts),
        ]
        if watched.together:
            rows.append(_cohort_row(watched.together, watched.kind) | {"cohort": "together"})
        story += [table(title, rows)]
    else:
        wait = f"; the first is whole on {watched.ripe_on}" if watched.ripe_on else ""
        story += [title, f"No cohort has ripened since, as known by {watched.as_of}{wait}."]
    story += _show_drift(watched.drift) if watched.drift else [
        "Drift is not judged: no snapshot is later than its test questions. "
        f"Run `guanjia tags --as-of {watched.as_of}`."
    ]  # fmt: skip
    if not training.from_registry:
        story.append("The registry is away: what the champion learned from is as read before.")
    return [*story, *_show_alerts(watched.alerts), ""]


def _reference_row(watched: "MonitoringReport") -> dict[str, Any]:
    from training.estimators.losses import RANKINGS

    figures = watched.stated.figures
    return {
        "cohort": "test slice",
        "rows": int(watched.reference["rows"]),
        "observed": None,
        "predicted": None,
        "gap": "-",
        "slope": figures.get("slope"),
        "ECE": figures.get("ece"),
        "gain": "-",
        RANKINGS[watched.kind][1]: watched.reference["order"],
        "lift": watched.reference["lift"],
        "!": "",
    }


def _cohort_row(cohort: "CohortFigures", kind: "Kind") -> dict[str, Any]:
    from training.estimators.losses import RANKINGS

    # Points of a probability; of a count or an amount, percent of what was predicted.
    unit = 100 if kind == "probability" else 100 / cohort.predicted
    gap = f"{(cohort.observed - cohort.predicted) * unit:+.1f}"
    overall = next((test for test in cohort.tests if test.figure == "gap"), None)
    if overall is not None:
        gap += f" ({overall.low * unit:+.1f} to {overall.high * unit:+.1f})"
    return {
        "cohort": cohort.name,
        "rows": cohort.rows,
        "observed": cohort.observed,
        "predicted": cohort.predicted,
        "gap": gap,
        "slope": cohort.slope,
        "ECE": cohort.ece,
        "gain": f"{1 - cohort.loss / cohort.base_loss:.1%}",
        RANKINGS[kind][1]: cohort.order,
        "lift": cohort.lift,
        "!": "!" * len(cohort.alerts) if cohort.tests else "-",
    }


def _show_drift(drift: "Drift") -> list[Table | str]:
    moved = sorted(drift.tags, key=lambda tag: -tag.psi)[:MOST_TAGS]
    summary = (
        f"Asked on {drift.as_of}: {drift.rows:,} rows, mean score {drift.predicted:.3f}, in the "
        f"test slice {drift.predicted_before:.3f}; PSI of the scores {drift.psi:.3f}."
    )
    rows = [
        {
            "tag": tag.tag,
            "PSI": tag.psi,
            "moves of scores": f"{tag.share:.1%}",
            "adds to mean score": f"{tag.score:+.3f}",
        }
        for tag in moved
    ]
    return [summary, table("Largest drifts of tags that matter", rows)] if rows else [summary]


def _show_alerts(alerts: "Sequence[Alert]") -> list[Table | str]:
    if not alerts:
        return ["No alert."]
    shown: list[Table | str] = []
    for place, alert in enumerate(alerts[:MOST_ALERTS]):
        shown.append(f"ALERT {alert.model}, {alert.cohort}: {alert.sentence}.")
        following = alerts[place + 1 : min(place + 2, MOST_ALERTS)]
        if not following or following[0].cure != alert.cure:
            shown.append(f"  {alert.cure[:1].upper()}{alert.cure[1:]}.")
    if len(alerts) > MOST_ALERTS:
        shown.append(f"and {len(alerts) - MOST_ALERTS} more: see --json")
    return shown


def _end(alerts: "Sequence[Alert]", without: Sequence[str], path: str) -> list[str]:
    lines = [NOTE]
    if without:
        lines.append(f"Without a champion, not watched: {', '.join(without)}.")
    lines.append(f"Alerts: {len(alerts)}. Written: {path}")
    cure = "do what the first alert says" if alerts else "watch again when the next month is over"
    return [*lines, f"Next: {cure}."]
