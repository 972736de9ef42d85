"""The command line: one command a step, each a thin call into a room.

The rooms are imported inside the commands, so that `guanjia --help` answers at once. Here, and
nowhere below, the clock is read; every room gets its dates as parameters.
"""

import errno
import gc
import logging
import os
import sys
from collections.abc import Callable, Mapping
from contextvars import copy_context
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from features.errors import GuanjiaError
from guanjia.commands import (
    accounts,
    content,
    data,
    decisions,
    erasure,
    imports,
    models,
    monitoring,
    quality,
    quarantine,
    records,
    registry,
    reviews,
    segments,
    service,
    tables,
    tags,
    touchpoints,
    uplift,
)
from guanjia.commands.marketing import (
    campaigns,
    lists,
    measurement,
    policies,
    reports,
    service_effect,
)
from guanjia.commands.operation import backups, daily, lineage, moving, publishing, users
from guanjia.terminal.command_log import json_log, logged_command
from guanjia.terminal.home_format import keep_format, release
from guanjia.terminal.output import complain
from guanjia.terminal.private_home import write_for_owner_alone

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
"""Errors of a disk that is full or cannot be written."""


class AfterExtensions(TyperCommand):
    """A command that runs once the extensions are loaded; its `--help` does not wait for them."""

    def invoke(self, ctx: Any) -> Any:
        """Load tags, models and lists of the user's own, then run the command."""
        from features import settings
        from features.tags.extensions import load_extensions

        with logged_command(ctx.command_path.partition(" ")[2], ctx.params):
            load_extensions(settings.load().home)
            result = super().invoke(ctx)
            keep_format(settings.load().home)
        return result


importing = typer.Typer(help="Make raw tables of an insurer's exports.", no_args_is_help=True)
importing.command("plan", cls=AfterExtensions)(imports.plan)
importing.command("check", cls=AfterExtensions)(imports.check)
importing.command("run", cls=AfterExtensions)(imports.run)
importing.command("lledo-pavia", cls=AfterExtensions)(data.import_lledo_pavia)
quarantining = typer.Typer(invoke_without_command=True, callback=quarantine.show)
quarantining.command("export", cls=AfterExtensions)(quarantine.export)
quarantining.command("replay", cls=AfterExtensions)(quarantine.replay)
reviewing = typer.Typer(help="List and answer requests for a human review.", no_args_is_help=True)
reviewing.command("list", cls=AfterExtensions)(reviews.list_reviews)
reviewing.command("answer", cls=AfterExtensions)(reviews.answer)
relocating = typer.Typer(
    help="Move records or online rows to a server, or back.", no_args_is_help=True
)
relocating.command("records", cls=AfterExtensions)(moving.move_records)
relocating.command("online", cls=AfterExtensions)(moving.move_online)
campaigning = typer.Typer(
    help="Plan, launch and stop campaigns that can be measured.", no_args_is_help=True
)
campaigning.command("check", cls=AfterExtensions)(campaigns.check)
campaigning.command("plan", cls=AfterExtensions)(campaigns.plan)
campaigning.command("launch", cls=AfterExtensions)(campaigns.launch)
campaigning.command("stop", cls=AfterExtensions)(campaigns.stop)
campaigning.command("list", cls=AfterExtensions)(campaigns.list_all)
campaigning.command("show", cls=AfterExtensions)(campaigns.show)
campaigning.command("arms", cls=AfterExtensions)(campaigns.arms)
returning = typer.Typer(help="Import outcomes of contacts from files.", no_args_is_help=True)
returning.command("import", cls=AfterExtensions)(campaigns.import_outcomes)
listing = typer.Typer(help="Define, preview, release and export lists.", no_args_is_help=True)
for _act in (
    lists.show,
    lists.define,
    lists.diff,
    lists.count,
    lists.overlap,
    lists.preview,
    lists.why,
    lists.release,
    lists.approve,
    lists.releases,
    lists.export,
):
    listing.command(_act.__name__, cls=AfterExtensions)(_act)
entering = typer.Typer(help="Add, list and change users of the console.", no_args_is_help=True)
entering.command("add", cls=AfterExtensions)(users.add)
entering.command("list", cls=AfterExtensions)(users.list_users)
entering.command("password", cls=AfterExtensions)(users.password)
entering.command("roles", cls=AfterExtensions)(users.roles)
entering.command("close", cls=AfterExtensions)(users.close)
entering.command("reopen", cls=AfterExtensions)(users.reopen)

GROUPS: Mapping[str, Mapping[str, Callable[..., None] | typer.Typer]] = {
    "Begin here": {"demo": service.demo},
    "Run every day": {"daily": daily.daily},
    "Load and check tables": {
        "simulate": data.simulate,
        "import": importing,
        "check": data.check,
        "quarantine": quarantining,
        "tables": tables.tables,
    },
    "Compute tags, look at customers": {
        "tags": tags.tags,
        "quality": quality.quality,
        "catalogue": tags.catalogue,
        "segments": segments.segments,
        "clusters": segments.clusters,
        "rate": tags.rate,
        "entitlements": accounts.entitlements,
        "account": accounts.account,
        "lineage": lineage.lineage,
    },
    "Train, promote and watch models": {
        "train": models.train,
        "compare": registry.compare,
        "promote": registry.promote,
        "rollback": registry.rollback,
        "promotions": registry.promotions,
        "reproduce": registry.reproduce,
        "monitor": monitoring.monitor,
        "uplift": uplift.uplift,
    },
    "Choose whom to contact": {
        "score": models.score,
        "list": models.target_list,
        "lists": listing,
        "touchpoints": touchpoints.touchpoints,
        "triggers": touchpoints.triggers,
        "content-try": content.content_try,
        "content-check": content.content_check,
    },
    "Find out whether it pays": {
        "campaign": campaigning,
        "outcomes": returning,
        "measure": measurement.measure,
        "holdout-effect": measurement.holdout_effect,
        "simulate-policy": policies.simulate_policy,
        "policy-value": policies.policy_value,
        "service-effect": service_effect.service_effect,
    },
    "Report to managers": {
        "report": reports.report,
        "funnel": reports.funnel,
        "service-quality": reports.service_quality,
        "star-movement": reports.star_movement,
        "relationship": reports.relationship,
    },
    "Run it day after day": {
        "publish": publishing.publish,
        "withdraw": publishing.withdraw,
        "published": publishing.published,
    },
    "Serve": {
        "materialize": tags.materialize,
        "token": service.token,
        "user": entering,
        "serve": service.serve,
        "capacity": decisions.capacity,
        "replay": decisions.replay,
        "decisions": decisions.decisions,
    },
    "Keep records": {
        "reviews": reviewing,
        "contacts": records.contacts,
        "handover": records.handover,
        "retain": records.retain,
        "erase": erasure.erase,
    },
    "Operate": {
        "backup": backups.backup,
        "restore": backups.restore,
        "move": relocating,
    },
}
"""The commands, in groups by the order of work: so `guanjia --help` shows them."""


class OrderOfWork(TyperGroup):
    """Help that lists the commands in their groups."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002  (Click's)
        """Write the section of each group, with a line a command.

        Parameters
        ----------
        ctx : click.Context
            Not needed: the commands are known.
        formatter : click.HelpFormatter
            Takes the lines.
        """
        width = max(map(len, self.commands))
        for title, commands in GROUPS.items():
            rows = [
                (f"{name:{width}}", self.commands[name].get_short_help_str(limit=200))
                for name in commands
            ]
            with formatter.section(title):
                formatter.write_dl(rows)


app = typer.Typer(
    name="guanjia",
    cls=OrderOfWork,
    help="Customer intelligence for motor insurers: tags, stars, predictions, target lists.",
    epilog="Options of a command: guanjia COMMAND --help. State lies under GUANJIA_HOME, or "
    ".guanjia where you are.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    # What draws panels takes longer to import than all commands together.
    rich_markup_mode=None,
)


def _show_version(show: bool) -> None:
    if show:
        typer.echo(f"guanjia {release()}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the release and exit."
        ),
    ] = False,
) -> None:
    """Take the options that come before a command."""


for _commands in GROUPS.values():
    for _name, _command in _commands.items():
        if isinstance(_command, typer.Typer):
            app.add_typer(_command, name=_name)
        else:
            app.command(_name, cls=AfterExtensions)(_command)


def _wants_json() -> bool:
    return "--json" in sys.argv


COLLECTED = (20_000, 50, 50)
"""When the collector looks at young, middle and old objects, as `gc.set_threshold` takes it."""


def main() -> None:
    """Run a command; a fault the user can mend ends with exit code 2 and no traceback."""
    write_for_owner_alone()
    os.environ.setdefault("BENTOML_DO_NOT_TRACK", "true")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("FEAST_USAGE", "False")
    # OpenMP reads this when LightGBM or scikit-learn loads it. By default its idle threads spin;
    # where another process wants the same cores, training then takes twenty times as long.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Warnings are for whoever develops; Feast, imported, would show those of every library.
    logging.captureWarnings(True)
    logging.getLogger("py.warnings").setLevel(logging.ERROR)
    # Python's collector of unused circles would read through all that libraries declared again and
    # again: a tenth of the demo's time.
    gc.set_threshold(*COLLECTED)
    # What a command hides in its log is hidden for it alone.
    copy_context().run(_run)


def _run() -> None:
    with json_log():
        _run_command()


def _run_command() -> None:
    try:
        app()
    except GuanjiaError as error:
        complain(error, _wants_json())
        sys.exit(2)
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        place = str(error.filename or "the disk")
        fault = f"cannot be written: {error.strerror}; what was there before is unchanged"
        complain(GuanjiaError(place, fault, "make room and run the command again"), _wants_json())
        sys.exit(2)
