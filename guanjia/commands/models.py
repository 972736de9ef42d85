"""Commands to train models, to score customers and to write target lists."""

import getpass
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from guanjia.commands.registry import select_models
from guanjia.terminal.options import (
    Json,
    MaybeAsOf,
    latest_date,
    open_lake,
    open_published,
    parse_day,
)
from guanjia.terminal.output import emit, progress, short_path, table


def train(
    model: Annotated[str, typer.Argument(help="renewal, churn, claims, cross-sell or all")],
    known_by: Annotated[
        date | None,
        typer.Option(
            "--known-by", parser=parse_day, metavar="YYYY-MM-DD", help="Labels matured by then."
        ),
    ] = None,
    tune: Annotated[
        float | None,
        typer.Option(
            min=0, metavar="SECONDS", help="Search better trees so long, a model: 30; 0: not."
        ),
    ] = None,
    all_peers: Annotated[
        bool, typer.Option("--all-peers", help="Compare with HistGradientBoosting too; slower.")
    ] = False,
    json: Json = False,
) -> None:
    """Train models and register them as challengers.

    Compared with baselines and calibrated; a report of each is written.
    """
    names = select_models(model)
    from guanjia.terminal.model_tables import model_tables
    from training.fitting.train import train as run
    from training.fitting.tuning import SECONDS

    lake = open_published()
    seconds = SECONDS if tune is None else tune
    by = known_by or latest_date(lake, "snapshots", "give --known-by DATE")
    with progress(json) as report:
        results = list(run(lake, names, by, report, tuning_seconds=seconds, all_peers=all_peers))
    reports = [f"Report of {trained.model}: {short_path(trained.report)}" for trained in results]
    versions = ", ".join(f"{trained.model} {trained.version}" for trained in results)
    emit(
        results,
        json,
        *model_tables(results),
        *reports,
        f"Registered as challenger: {versions}. The champion still serves.",
        f"Next: guanjia compare {model}, guanjia promote {model} --who NAME --why TEXT",
    )


def score(as_of: MaybeAsOf = None, json: Json = False) -> None:
    """Score all customers: star, value and every prediction."""
    from guanjia.jobs.lineage_events import lineage_events
    from serving.predictions.scoring import score as run

    lake = open_lake()
    on = as_of or latest_date(lake, "snapshots", "run `guanjia tags --as-of DATE`")
    with progress(json) as report, lineage_events(lake, "score", on):
        scored = run(lake, on, report)
    emit(
        scored,
        json,
        f"{scored.customers:,} customers scored as of {on}. Next: guanjia list renewal_risk",
    )


def target_list(
    name: Annotated[str, typer.Argument(help="renewal_risk, churn_risk, ...")],
    where: Annotated[str | None, typer.Option(help='"star >= 3 and renewal < 0.6"')] = None,
    top: Annotated[int, typer.Option(min=1, help="At most so many rows.")] = 500,
    out: Annotated[Path | None, typer.Option(help="File to write; default: <home>/lists.")] = None,
    who: Annotated[
        str | None, typer.Option(help="Who takes it; default: the user of this machine.")
    ] = None,
    why: Annotated[str, typer.Option(help="What for; kept with it.")] = "marketing",
    with_holdout: Annotated[
        bool,
        typer.Option("--with-holdout", help="Keep customers of the holdout, marked in a column."),
    ] = False,
    as_of: MaybeAsOf = None,
    json: Json = False,
) -> None:
    """Write a list for a call centre, with reasons in words.

    Who takes it is kept in the records.
    """
    from serving.lists.questions import check_list

    lake = open_published(as_of)
    check_list(lake, name, where, top)
    from guanjia.jobs.demo_output import top_rows
    from guanjia.jobs.handing_out import free_path, hand_out
    from serving import clock

    on = as_of or latest_date(lake, "scores", "run `guanjia score --as-of DATE`")
    file = out or free_path(lake.home / "lists" / f"{name}-{on}.csv")
    taker = who or getpass.getuser()
    done = hand_out(
        lake,
        name,
        on,
        where,
        top,
        out=file,
        who=taker,
        why=why,
        at=clock.now(lake.settings),
        with_holdout=with_holdout,
    )
    left = "; ".join(f"{count:,} left out: {why}" for why, count in done.left_out.items())
    summary = f"{done.rows:,} of {done.matched:,} customers in {file} (consent {done.consent})"
    emit(done, json, table(done.label, top_rows(done.preview)), summary, *([left] if left else []))
