"""The command line: one command a step, each a thin call into a room.

The rooms are imported inside the commands, so that `guanjia --help` answers at once. Here, and
nowhere below, the clock is read; every room gets its dates as parameters.
"""

import logging
import os
import re
import sys
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from features.errors import GuanjiaError
from guanjia.output import complain, emit, progress, table

app = typer.Typer(
    name="guanjia",
    help="Customer intelligence for motor insurers: tags, stars, predictions, target lists.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
imports = typer.Typer(help="Map a real portfolio into the raw tables.", no_args_is_help=True)
app.add_typer(imports, name="import")


def day(text: str) -> date:
    """A date written YYYY-MM-DD and in no other way."""
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        raise typer.BadParameter(f"{text!r} is not a date; write it as 2026-06-30")
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no day of the calendar: {error}") from None


Json = Annotated[bool, typer.Option("--json", help="Write JSON to stdout, and nothing else.")]
AsOf = Annotated[
    date, typer.Option("--as-of", parser=day, metavar="YYYY-MM-DD", help="What was known by then.")
]
MaybeAsOf = Annotated[
    date | None,
    typer.Option("--as-of", parser=day, metavar="YYYY-MM-DD", help="Default: the latest there is."),
]


def lake() -> Any:
    """The lake the environment names."""
    from features import settings
    from features.lake import Lake

    return Lake(settings.load())


def latest(where: Any, folder: str, cure: str) -> date:
    """The latest date that `folder` of the lake holds a file of."""
    names = [path.stem.removeprefix("as_of=") for path in (where.home / folder).glob("[!.]*")]
    days = [date.fromisoformat(name) for name in names if re.fullmatch(r"\d{4}-\d\d-\d\d", name)]
    if not days:
        raise GuanjiaError(folder, f"holds nothing under {where.home}", cure)
    return max(days)


@app.command()
def simulate(
    customers: Annotated[int, typer.Option(min=1, help="How many customers.")] = 20_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same insurer.")] = 1,
    json: Json = False,
) -> None:
    """Write the raw tables of a simulated insurer, with seven years of history."""
    from features.sources.simulated import simulate as run

    with progress(json) as report:
        done = run(lake(), customers, seed, report)
    emit(done, json, f"{customers:,} customers simulated with seed {seed}. Next: guanjia check")


@imports.command("lledo-pavia")
def import_lledo_pavia(
    insurance: Annotated[Path, typer.Argument(help="Motor vehicle insurance data.csv")],
    claims: Annotated[Path, typer.Argument(help="sample type claim.csv")],
    json: Json = False,
) -> None:
    """Map the public Spanish motor portfolio into the raw tables."""
    from features.sources.lledo_pavia import import_lledo_pavia as run

    with progress(json) as report:
        done = run(lake(), insurance, claims, report)
    written = [{"table": name, "rows": count} for name, count in done.counts.items()]
    left = [{"left out because": why, "rows": count} for why, count in done.left_out.items()]
    emit(done, json, table("Raw tables", written), table("Left out", left), "Next: guanjia check")


@app.command()
def check(json: Json = False) -> None:
    """Check the raw tables; bad rows go to quarantine with their reasons."""
    from features.check import check_tables

    with progress(json) as report:
        checks = check_tables(lake(), report)
    rows = [
        {"table": one.table, "rows": one.rows, "good": one.good, "quarantined": one.bad}
        for one in checks
    ]
    broken = [
        {"table": one.table, "rule": rule, "rows": count}
        for one in checks
        for rule, count in one.reasons.items()
    ]
    shown = [table("Raw tables", rows)]
    if broken:
        shown.append(table("Rules broken (rows lie under quarantine/)", broken))
    emit(checks, json, *shown)


@app.command()
def tags(
    as_of: Annotated[
        list[date], typer.Option("--as-of", parser=day, metavar="YYYY-MM-DD", help="Repeatable.")
    ],
    json: Json = False,
) -> None:
    """Compute every tag of every customer as of one or more dates, in one pass."""
    from features.tagging import write_snapshot

    with progress(json) as report:
        written = write_snapshot(lake(), sorted(set(as_of)), report)
    rows = [
        {"as_of": one.as_of, "customers": one.customers, "snapshot": one.snapshot_id}
        for one in written
    ]
    emit(written, json, table("Tag snapshots", rows))


@app.command()
def materialize(as_of: MaybeAsOf = None, json: Json = False) -> None:
    """Load a snapshot into the online store."""
    from features.store import materialize as load

    where = lake()
    on = as_of or latest(where, "snapshots", "run `guanjia tags --as-of DATE`")
    with progress(json) as report:
        done = load(where, on, report)
    emit(done, json, f"Tags as of {on} are online. Next: guanjia serve")


@app.command()
def train(
    model: Annotated[str, typer.Argument(help="renewal, churn, cross-sell or all")],
    known_by: Annotated[
        date | None,
        typer.Option(
            "--known-by", parser=day, metavar="YYYY-MM-DD", help="Labels matured by then."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Train, compare, calibrate and register a model."""
    from guanjia.demo import MODEL_NOTE, model_rows
    from training.models import FAMILIES, MODELS
    from training.train import train as run

    families = {**FAMILIES, "all": tuple(MODELS)}
    if model not in families:
        raise GuanjiaError(f"model {model}", "is not known", f"use one of {list(families)}")
    where = lake()
    by = known_by or latest(where, "snapshots", "give --known-by DATE")
    with progress(json) as report:
        results = list(run(where, families[model], by, report))
    emit(results, json, table("Models", model_rows(results)), MODEL_NOTE)


@app.command()
def score(as_of: MaybeAsOf = None, json: Json = False) -> None:
    """Write one row a customer: star, value and every probability."""
    from serving.scoring import score as run

    where = lake()
    on = as_of or latest(where, "snapshots", "run `guanjia tags --as-of DATE`")
    with progress(json) as report:
        done = run(where, on, report)
    emit(
        done,
        json,
        f"{done.customers:,} customers scored as of {on}. Next: guanjia list renewal_risk",
    )


@app.command("list")
def target_list(
    name: Annotated[str, typer.Argument(help="renewal_risk, churn_risk, ...")],
    where: Annotated[str | None, typer.Option(help='"star >= 3 and renewal < 0.6"')] = None,
    top: Annotated[int, typer.Option(min=1, help="At most so many rows.")] = 500,
    out: Annotated[Path | None, typer.Option(help="File to write; default: <home>/lists.")] = None,
    as_of: MaybeAsOf = None,
    json: Json = False,
) -> None:
    """Write a target list a call centre can use, with reasons in words."""
    from guanjia.demo import top_rows
    from serving.lists import write_list

    home = lake()
    on = as_of or latest(home, "scores", "run `guanjia score --as-of DATE`")
    file = out or home.home / "lists" / f"{name}-{on}.csv"
    done = write_list(home, name, on, where, top, out=file)
    left = "; ".join(f"{count:,} left out: {why}" for why, count in done.left_out.items())
    said = f"{done.rows:,} of {done.matched:,} customers in {file} (consent {done.consent})"
    emit(done, json, table(done.label, top_rows(done.preview)), said, *([left] if left else []))


@app.command()
def rate(
    customer: Annotated[str, typer.Argument(help="Customer number")],
    as_of: MaybeAsOf = None,
    json: Json = False,
) -> None:
    """Print a customer's star and the arithmetic behind it."""
    from features.star import explain_rating

    home = lake()
    on = as_of or latest(home, "snapshots", "give --as-of DATE")
    rating = explain_rating(home, customer, on)
    emit(rating.as_dict(), json, f"{customer} as of {on}", *rating.sentences, rating.missing)


@app.command()
def serve(
    host: Annotated[str, typer.Option()] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 3000,
    workers: Annotated[int, typer.Option(min=1)] = 1,
    json: Json = False,
) -> None:
    """Start the prediction API."""
    address = f"http://{host}:{port}"
    emit({"address": address}, json, f"Serving at {address} (stop with Ctrl-C)")
    sys.stdout.flush()
    command = [sys.executable, "-m", "bentoml", "serve", "serving.service:GuanjiaService"]
    command += ["--host", host, "--port", str(port), "--api-workers", str(workers)]
    os.execv(command[0], command)


@app.command()
def token(
    subject: Annotated[str, typer.Argument(help="Who will use it")] = "demo",
    days: Annotated[int, typer.Option(min=1, max=365, help="Days it is valid")] = 30,
    json: Json = False,
) -> None:
    """Issue a bearer token for the API."""
    from serving.tokens import make_token

    issued = make_token(lake().settings, subject, now(), timedelta(days=days))
    emit({"token": issued, "subject": subject, "days": days}, json, issued)


@app.command()
def catalogue(
    out: Annotated[Path | None, typer.Option(help="Write the page here, as Markdown.")] = None,
    json: Json = False,
) -> None:
    """List every tag with its definition; with --out, write docs/tags.md."""
    from features.tags.catalogue import catalogue as all_tags

    declared = list(all_tags().values())
    rows = [
        {"tag": tag.name, "label": tag.label, "unit": tag.unit, "window": tag.window}
        for tag in declared
    ]
    if out is not None:
        from features.tags.document import render

        out.write_text(render(), encoding="utf-8")
    fields = ("name", "label", "definition", "unit", "window", "null", "group", "type")
    payload = [{field: getattr(tag, field) for field in fields} for tag in declared]
    emit(payload, json, table(f"{len(rows)} tags", rows))


@app.command()
def demo(
    customers: Annotated[int, typer.Option(min=1, help="How many customers.")] = 20_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same insurer.")] = 1,
    json: Json = False,
) -> None:
    """Everything, end to end, on the simulated insurer."""
    from guanjia.demo import run_demo, story

    with progress(json) as report:
        result = run_demo(lake(), customers, seed, report)
    emit(result, json, *story(result))


def now() -> datetime:
    """The time, read here and handed down."""
    return datetime.now(tz=ZoneInfo("UTC"))


def main() -> None:
    """Run a command; a fault the user can mend ends with exit code 2 and no traceback."""
    os.environ.setdefault("BENTOML_DO_NOT_TRACK", "true")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("FEAST_USAGE", "False")
    # Warnings are for whoever develops; Feast, imported, would show those of every library.
    logging.captureWarnings(True)
    logging.getLogger("py.warnings").setLevel(logging.ERROR)
    try:
        app()
    except GuanjiaError as error:
        complain(error, "--json" in sys.argv)
        sys.exit(2)
