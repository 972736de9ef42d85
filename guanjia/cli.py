"""The command line: one command a step, each a thin call into a room.

The rooms are imported inside the commands, so that `guanjia --help` answers at once. Here, and
nowhere below, the clock is read; every room gets its dates as parameters.
"""

import logging
import os
import sys

import typer

from features.errors import GuanjiaError
from guanjia.commands import (
    accounts,
    content,
    data,
    decisions,
    erasure,
    models,
    monitoring,
    quality,
    records,
    registry,
    reviews,
    segments,
    service,
    tags,
    touchpoints,
    uplift,
)
from guanjia.terminal.output import complain

app = typer.Typer(
    name="guanjia",
    help="Customer intelligence for motor insurers: tags, stars, predictions, target lists.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
reviewing = typer.Typer(
    help="Decisions that a person asked a human to review.", no_args_is_help=True
)
imports = typer.Typer(help="Map a real portfolio into the raw tables.", no_args_is_help=True)

app.command()(data.simulate)
app.add_typer(imports, name="import")
imports.command("lledo-pavia")(data.import_lledo_pavia)
app.command()(data.check)
app.command()(tags.tags)
app.command()(tags.materialize)
app.command()(tags.rate)
app.command()(tags.catalogue)
app.command()(segments.segments)
app.command()(segments.clusters)
app.command()(quality.quality)
app.command()(accounts.entitlements)
app.command()(accounts.account)
app.command()(models.train)
app.command()(registry.compare)
app.command()(registry.promote)
app.command()(registry.rollback)
app.command()(registry.promotions)
app.command()(registry.reproduce)
app.command()(monitoring.monitor)
app.command()(uplift.uplift)
app.command()(models.score)
app.command()(touchpoints.touchpoints)
app.command()(touchpoints.triggers)
app.command("list")(models.target_list)
app.command()(decisions.replay)
app.command()(decisions.capacity)
app.add_typer(reviewing, name="reviews")
reviewing.command("list")(reviews.list_reviews)
reviewing.command("answer")(reviews.answer)
app.command()(records.handover)
app.command()(records.contacts)
app.command()(records.forget_reads)
app.command()(content.content_check)
app.command()(content.content_try)
app.command()(erasure.erase)
app.command()(service.serve)
app.command()(service.token)
app.command()(service.demo)


def main() -> None:
    """Run a command; a fault the user can mend ends with exit code 2 and no traceback."""
    os.environ.setdefault("BENTOML_DO_NOT_TRACK", "true")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("FEAST_USAGE", "False")
    # OpenMP reads this when LightGBM or scikit-learn loads it. By default its idle threads spin;
    # where another process wants the same cores, training then takes twenty times as long.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Warnings are for whoever develops; Feast, imported, would show those of every library.
    logging.captureWarnings(True)
    logging.getLogger("py.warnings").setLevel(logging.ERROR)
    try:
        app()
    except GuanjiaError as error:
        complain(error, "--json" in sys.argv)
        sys.exit(2)
