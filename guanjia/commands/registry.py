"""Commands to compare, promote, roll back and reproduce models."""

import math
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from features.errors import GuanjiaError, did_you_mean
from guanjia.terminal.options import Json, open_lake, open_published, parse_day, read_clock
from guanjia.terminal.output import Table, emit, progress, table

if TYPE_CHECKING:
    from training.estimators.losses import Kind
    from training.evaluation.paired import Difference, PairedFigures
    from training.promotion.comparison import Comparison
    from training.promotion.promote import Decision

MODEL = "A model, a family of models, or all"
WHO = "Who decides this; recorded."
WHY = "Why; recorded."
KNOWN_BY = "Outcomes recorded by then. Default: as the later of the two was trained."


def compare(
    model: Annotated[str, typer.Argument(help=MODEL)],
    known_by: Annotated[
        date | None,
        typer.Option("--known-by", parser=parse_day, metavar="YYYY-MM-DD", help=KNOWN_BY),
    ] = None,
    json: Json = False,
) -> None:
    """Compare champion and challenger on outcomes new to both."""
    names = select_models(model)
    from training.models import find
    from training.promotion.comparison import compare_versions, contenders
    from training.registry.champions import fetch
    from training.registry.load_check import try_loading

    lake = open_published()
    comparisons = []
    with progress(json) as report:
        for name in names:
            champion, challenger = contenders(lake, name)
            try_loading(fetch(lake, name, challenger.version))
            comparisons.append(
                compare_versions(lake, find(name), champion, challenger, known_by, report)
            )
    shown = [part for comparison in comparisons for part in show_comparison(comparison)]
    emit(comparisons, json, *shown)


def promote(
    model: Annotated[str, typer.Argument(help=MODEL)],
    who: Annotated[str, typer.Option("--who", help=WHO)],
    why: Annotated[str, typer.Option("--why", help=WHY)],
    known_by: Annotated[
        date | None,
        typer.Option("--known-by", parser=parse_day, metavar="YYYY-MM-DD", help=KNOWN_BY),
    ] = None,
    json: Json = False,
) -> None:
    """Make the challenger champion, if every gate holds.

    The exit code is 1 where a gate does not hold.
    """
    names = select_models(model)
    from training.promotion.promote import promote as run

    lake, when = open_published(), read_clock()
    with progress(json) as report:
        decisions = [
            run(lake, name, who=who, why=why, when=when, known_by=known_by, report=report)
            for name in names
        ]
    emit(decisions, json, *(part for decision in decisions for part in show_decision(decision)))
    if not all(decision.done for decision in decisions):
        raise typer.Exit(1)


def rollback(
    model: Annotated[str, typer.Argument(help=MODEL)],
    who: Annotated[str, typer.Option("--who", help=WHO)],
    why: Annotated[str, typer.Option("--why", help=WHY)],
    to: Annotated[
        str | None, typer.Option("--to", help="A version that was champion. Default: the last.")
    ] = None,
    json: Json = False,
) -> None:
    """Make the previous champion serve again.

    Repeating it changes nothing.
    """
    names = select_models(model)
    from training.promotion.promote import rollback as run

    lake, when = open_lake(), read_clock()
    decisions = [run(lake, name, who=who, why=why, when=when, to=to) for name in names]
    emit(decisions, json, *(part for decision in decisions for part in show_decision(decision)))
    if not all(decision.done for decision in decisions):
        raise typer.Exit(1)


def promotions(
    model: Annotated[str, typer.Argument(help=MODEL)] = "all", json: Json = False
) -> None:
    """List who promoted or rolled back what, when and why."""
    names = select_models(model)
    from training.promotion.promote import history

    lake = open_lake()
    acts = [act for name in names for act in history(lake, name)]
    acts.sort(key=lambda act: (act["when"], act["model"]))
    columns = ["when", "model", "act", "version", "replaced", "who", "why"]
    shown = table("Promotions and rollbacks", acts, columns) if acts else "Nothing was promoted."
    emit(acts, json, shown)


def reproduce(
    run: Annotated[str, typer.Argument(help="The id of a run, or model/version: renewal/2")],
    json: Json = False,
) -> None:
    """Train a registered model again and compare bit for bit.

    The exit code is 1 where it differs.
    """
    from training.fitting.reproduce import reproduce as train_again

    with progress(json) as report:
        reproduced = train_again(open_published(), run, report)
    emit(reproduced, json, *reproduced.sentences())
    if not reproduced.identical:
        raise typer.Exit(1)


def select_models(name: str) -> Sequence[str]:
    """Resolve the name of a model, of a family of models, or `all`."""
    from training.models import MODELS, families

    if name in MODELS:
        return [name]
    groups = {**families(), "all": tuple(MODELS)}
    if name not in groups:
        cure = did_you_mean(name, [*MODELS, *groups])
        raise GuanjiaError(f"model {name}", "is not known", cure)
    return groups[name]


def show_comparison(comparison: "Comparison") -> list[Table | str]:
    """Show a comparison: overall, the cohort behind it, each segment, gaps between groups."""
    from training.estimators.losses import LOSSES, RANKINGS

    overall = comparison.overall
    plain = "base rate" if comparison.kind == "probability" else "mean"
    against = f"champion {comparison.champion}" if comparison.champion else plain
    rows = [
        _row(name, figure)
        for name, figure in (
            (RANKINGS[comparison.kind][1], overall.order),
            (LOSSES[comparison.kind][1], overall.loss),
            ("ECE", overall.ece),
        )
    ]
    cohort = (
        f"{overall.rows:,} rows of {overall.customers:,} customers, as of {comparison.first} to "
        f"{comparison.last}, outcomes known by {comparison.known_by}; "
        "what was judged of either learned from none."
    )
    story: list[Table | str] = [
        table(
            f"{comparison.model} {comparison.label}: challenger {comparison.challenger}, {against}",
            rows,
        ),
        cohort,
    ]
    if comparison.tested_before:
        story.append(
            f"The champion was measured on {comparison.tested_before:,} of them before, "
            "when it was trained."
        )
    if comparison.segments:
        story.append(
            table(
                "By segment",
                [_segment(segment, comparison.kind) for segment in comparison.segments],
            )
        )
    widest = sorted(comparison.gaps, key=lambda group: -abs(group.gap))[:5]
    if widest:
        gaps = [
            {
                "group": f"{group.dimension} {group.value}",
                "customers": group.customers,
                "overstated by": f"{group.gap:+.4f} ({group.low:+.4f} to {group.high:+.4f})",
            }
            for group in widest
        ]
        story.append(table("Largest gaps of the challenger between groups", gaps))
    return [*story, "Next: guanjia promote " + comparison.model + " --who NAME --why TEXT"]


def show_decision(decision: "Decision") -> list[Table | str]:
    """Show a promotion or a rollback: each gate, and the version that serves now."""
    serves = f"{decision.model}: version {decision.version}"
    if decision.already:
        if decision.act == "promote":
            return [f"{serves} is champion already. Next: guanjia train"]
        return [f"{serves} serves since the last rollback; to go elsewhere give --to VERSION."]
    title = f"{decision.model} {decision.label}: gates of version {decision.version}"
    rows = [
        {"gate": check.gate, "": "pass" if check.passed else "FAIL", "figures": check.sentence}
        for check in decision.verdicts
    ]
    story: list[Table | str] = [table(title, rows)]
    if decision.done:
        before = f"; before it, version {decision.replaced}" if decision.replaced else ""
        return [*story, f"{serves} is champion now{before}."]
    story += [
        f"{check.gate.capitalize()} fails. {check.cure[:1].upper()}{check.cure[1:]}."
        for check in decision.verdicts
        if not check.passed
    ]
    return [
        *story,
        f"{serves} was not made champion; version {decision.replaced or 'none'} serves.",
    ]


def _row(name: str, figure: "Difference") -> dict[str, Any]:
    return {
        "figure": name,
        "champion": _number(figure.champion),
        "challenger": _number(figure.challenger),
        "difference": _interval(figure),
    }


def _segment(segment: "PairedFigures", kind: "Kind") -> dict[str, Any]:
    from training.estimators.losses import LOSSES, RANKINGS

    def both(figure: "Difference") -> str:
        return f"{_number(figure.champion)} > {_number(figure.challenger)}"

    return {
        "segment": f"{segment.dimension} {segment.value}",
        "rows": segment.rows,
        RANKINGS[kind][1]: both(segment.order),
        LOSSES[kind][1]: both(segment.loss),
        "difference": _interval(segment.loss),
        "ECE": both(segment.ece),
    }


def _interval(figure: "Difference") -> str:
    if math.isnan(figure.difference):
        return "-"
    return f"{figure.difference:+.4f} ({figure.low:+.4f} to {figure.high:+.4f})"


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.4f}"
