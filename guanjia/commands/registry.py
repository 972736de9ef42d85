"""Models compared, promoted, rolled back and reproduced."""

import math
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from features.errors import GuanjiaError, did_you_mean
from guanjia.terminal.options import Json, day, lake, now
from guanjia.terminal.output import Table, emit, progress, table

if TYPE_CHECKING:
    from training.estimators.losses import Kind
    from training.evaluation.paired import Compared, Difference
    from training.promotion.comparison import Comparison
    from training.promotion.promote import Decision

Model = Annotated[str, typer.Argument(help="A model, a family of models, or all")]
Who = Annotated[str, typer.Option("--who", help="Who decides this; recorded.")]
Why = Annotated[str, typer.Option("--why", help="Why; recorded.")]
KnownBy = Annotated[
    date | None,
    typer.Option(
        "--known-by",
        parser=day,
        metavar="YYYY-MM-DD",
        help="Outcomes recorded by then. Default: as the later of the two was trained.",
    ),
]


def compare(model: Model, known_by: KnownBy = None, json: Json = False) -> None:
    """Compare champion and challenger on outcomes new to both."""
    from training.models import find
    from training.promotion.comparison import compare_versions, contenders
    from training.registry.champions import fetch
    from training.registry.load_check import try_loading

    where = lake()
    found = []
    with progress(json) as report:
        for name in models_named(model):
            champion, challenger = contenders(where, name)
            try_loading(fetch(where, name, challenger.version))
            found.append(
                compare_versions(where, find(name), champion, challenger, known_by, report)
            )
    emit(found, json, *(part for one in found for part in comparison_shown(one)))


def promote(model: Model, who: Who, why: Why, known_by: KnownBy = None, json: Json = False) -> None:
    """Let the challenger serve, if every gate holds.

    The exit code is 1 where a gate does not hold.
    """
    from training.promotion.promote import promote as run

    where, when = lake(), now()
    with progress(json) as report:
        found = [
            run(where, name, who=who, why=why, when=when, known_by=known_by, report=report)
            for name in models_named(model)
        ]
    emit(found, json, *(part for one in found for part in decision_shown(one)))
    if not all(one.done for one in found):
        raise typer.Exit(1)


def rollback(
    model: Model,
    who: Who,
    why: Why,
    to: Annotated[
        str | None, typer.Option("--to", help="A version that was champion. Default: the last.")
    ] = None,
    json: Json = False,
) -> None:
    """Let the champion before serve again.

    A second time it changes nothing.
    """
    from training.promotion.promote import rollback as run

    where, when = lake(), now()
    found = [run(where, name, who=who, why=why, when=when, to=to) for name in models_named(model)]
    emit(found, json, *(part for one in found for part in decision_shown(one)))
    if not all(one.done for one in found):
        raise typer.Exit(1)


def promotions(model: Model = "all", json: Json = False) -> None:
    """List who promoted or rolled back what, when and why."""
    from training.promotion.promote import history

    where = lake()
    acts = [one for name in models_named(model) for one in history(where, name)]
    acts.sort(key=lambda one: (one["when"], one["model"]))
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
    from training.fitting.reproduce import reproduce as repeat

    with progress(json) as report:
        found = repeat(lake(), run, report)
    emit(found, json, *found.sentences())
    if not found.identical:
        raise typer.Exit(1)


def models_named(name: str) -> Sequence[str]:
    """A model, or those of a family."""
    from training.models import MODELS, families

    if name in MODELS:
        return [name]
    groups = {**families(), "all": tuple(MODELS)}
    if name not in groups:
        cure = did_you_mean(name, [*MODELS, *groups])
        raise GuanjiaError(f"model {name}", "is not known", cure)
    return groups[name]


def comparison_shown(found: "Comparison") -> list[Table | str]:
    """A comparison for a person: overall, then each segment, then what to know of the cohort."""
    from training.estimators.losses import LOSSES, RANKINGS

    overall = found.overall
    plain = "base rate" if found.kind == "probability" else "mean"
    against = f"champion {found.champion}" if found.champion else plain
    rows = [
        _row(name, figure)
        for name, figure in (
            (RANKINGS[found.kind][1], overall.order),
            (LOSSES[found.kind][1], overall.loss),
            ("ECE", overall.ece),
        )
    ]
    said = (
        f"{overall.rows:,} rows of {overall.customers:,} customers, as of {found.first} to "
        f"{found.last}, outcomes known by {found.known_by}; neither learned from any."
    )
    story: list[Table | str] = [
        table(f"{found.model} {found.label}: challenger {found.challenger}, {against}", rows),
        said,
    ]
    if found.tested_before:
        story.append(
            f"The champion was measured on {found.tested_before:,} of them before, when it was "
            "trained."
        )
    if found.segments:
        story.append(table("By segment", [_segment(one, found.kind) for one in found.segments]))
    widest = sorted(found.gaps, key=lambda one: -abs(one.gap))[:5]
    if widest:
        gaps = [
            {
                "group": f"{one.dimension} {one.value}",
                "customers": one.customers,
                "overstated by": f"{one.gap:+.4f} ({one.low:+.4f} to {one.high:+.4f})",
            }
            for one in widest
        ]
        story.append(table("Largest gaps of the challenger between groups", gaps))
    return [*story, "Next: guanjia promote " + found.model + " --who NAME --why TEXT"]


def decision_shown(found: "Decision") -> list[Table | str]:
    """A promotion or a rollback for a person: each gate, and what came of it."""
    serves = f"{found.model}: version {found.version}"
    if found.already:
        if found.act == "promote":
            return [f"{serves} is champion already. Next: guanjia train"]
        return [f"{serves} serves since the last rollback; to go elsewhere give --to VERSION."]
    title = f"{found.model} {found.label}: gates of version {found.version}"
    rows = [
        {"gate": one.gate, "": "pass" if one.passed else "FAIL", "figures": one.said}
        for one in found.verdicts
    ]
    story: list[Table | str] = [table(title, rows)]
    if found.done:
        before = f"; before it, version {found.replaced}" if found.replaced else ""
        return [*story, f"{serves} is champion now{before}."]
    story += [
        f"{one.gate.capitalize()} fails. {one.cure[:1].upper()}{one.cure[1:]}."
        for one in found.verdicts
        if not one.passed
    ]
    return [*story, f"{serves} was not made champion; version {found.replaced or 'none'} serves."]


def _row(name: str, figure: "Difference") -> dict[str, Any]:
    return {
        "figure": name,
        "champion": _number(figure.champion),
        "challenger": _number(figure.challenger),
        "difference": _interval(figure),
    }


def _segment(one: "Compared", kind: "Kind") -> dict[str, Any]:
    from training.estimators.losses import LOSSES, RANKINGS

    def both(figure: "Difference") -> str:
        return f"{_number(figure.champion)} > {_number(figure.challenger)}"

    return {
        "segment": f"{one.dimension} {one.value}",
        "rows": one.rows,
        RANKINGS[kind][1]: both(one.order),
        LOSSES[kind][1]: both(one.loss),
        "difference": _interval(one.loss),
        "ECE": both(one.ece),
    }


def _interval(figure: "Difference") -> str:
    if math.isnan(figure.difference):
        return "-"
    return f"{figure.difference:+.4f} ({figure.low:+.4f} to {figure.high:+.4f})"


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.4f}"
