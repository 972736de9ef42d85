"""Run a mapping over a delivery: try it (`check_delivery`), or write the raw tables (`run`)."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from features.checking.check import BrokenBoundError, check_tables
from features.contracts.tables import CONTRACTS
from features.erased import Erased
from features.errors import GuanjiaError
from features.imports.deliveries.drift_record import keep_drift
from features.imports.deliveries.lock import sole_import
from features.imports.delivery import Delivery, read_delivery, unused_columns
from features.imports.raw_tables import keep_delivered, publish_raw_tables, write_raw_table
from features.imports.rows import UNREAD
from features.lake import Lake
from features.progress import Report, quiet
from features.publishing import recover
from features.sources.raw_source import source_of

__all__ = ["Delivery", "check_delivery", "refusal", "run", "unused_columns"]


def check_delivery(
    lake: Lake,
    path: Path,
    delivered: datetime,
    report: Report = quiet,
    folder: Path | None = None,
) -> Delivery:
    """Try a mapping: read everything, judge it, write nothing that stays.

    Parameters
    ----------
    lake : Lake
        The home that the delivery would go to.
    path : Path
        The mapping.
    delivered : datetime
        When the delivery was made.
    report : Report
        Progress: called with a step, parts done and parts in all.
    folder : Path, optional
        The delivery; default: the folder that the mapping names.

    Returns
    -------
    Delivery
        With `checks`: what `guanjia check` would say.

    Raises
    ------
    GuanjiaError
        If the mapping or a file cannot be read.
    """
    with (
        read_delivery(lake, path, delivered, report, folder) as delivery,
        _trial_home(lake) as trial,
    ):
        for versions in delivery.versions:
            write_raw_table(lake, trial.raw(versions.table), versions.table)
        for name in CONTRACTS:
            if lake.raw(name).exists() and not trial.raw(name).exists():
                trial.raw(name).symlink_to(lake.raw(name).resolve())
        missing = [
            name
            for name, contract in CONTRACTS.items()
            if contract.required and not list(trial.raw(name).glob("*"))
        ]
        # `plan` says what a missing table costs; the check cannot do without it.
        try:
            checks = [] if missing else check_tables(trial, report)
        except BrokenBoundError as error:
            checks = error.checks  # a trial shows what would be refused
        return replace(delivery, checks=checks)


def run(
    lake: Lake,
    path: Path,
    delivered: datetime,
    report: Report = quiet,
    folder: Path | None = None,
) -> Delivery:
    """Write the raw tables of a delivery, all together; the same files again change nothing.

    Where the delivery is not as those before, the mapping says what is done: nothing is written
    (`verdict.stopped`), or tables stay as they are known (`verdict.frozen`).

    Parameters
    ----------
    lake : Lake
        The home.
    path : Path
        The mapping.
    delivered : datetime
        When the delivery was made: `recorded_at` of what a later delivery brings.
    report : Report
        Progress: called with a step, parts done and parts in all.
    folder : Path, optional
        The delivery; default: the folder that the mapping names.

    Raises
    ------
    GuanjiaError
        If the mapping, a file or a consent cannot be read, the home holds tables of the
        simulation, another import is running, or all rows of a required table wait.
    """
    if source_of(lake) is not None:
        raise GuanjiaError(
            f"home {lake.home}",
            f"holds the tables of the source {source_of(lake)}",
            "set GUANJIA_HOME to another folder",
        )
    with sole_import(lake.home, path):
        recover(lake.home / "raw")
        erased = Erased(lake.settings)
        marks = set(erased.all())
        with read_delivery(lake, path, delivered, report, folder) as delivery:
            if delivery.verdict.stopped:
                keep_drift(lake, delivery)
                return delivery
            if (fault := refusal(delivery)) is not None:
                raise fault
            report("write raw tables", 0, None)
            # An erasure meanwhile has not seen the rows that are about to be written.
            with erased.changing() as current:
                if set(current) != marks:
                    raise GuanjiaError(
                        "the import", "ran while a customer was erased", "run it again"
                    )
                keep_delivered(lake, delivery)
                keep_drift(lake, delivery)
                written = any(versions.versions for versions in delivery.versions)
                if written or not delivery.ledger.holds(delivery.entry):
                    ledger = delivery.ledger.text(delivery.entry)
                    publish_raw_tables(lake, delivery.versions, ledger)
            return replace(delivery, written=written)


def refusal(delivery: Delivery) -> GuanjiaError | None:
    """Say why a delivery cannot be written: a useless table, or a consent that cannot be read."""
    for table in delivery.tables:
        if CONTRACTS[table.table].required and table.rows and table.waiting == table.rows:
            return GuanjiaError(
                f"table {table.table}",
                f"has {table.rows:,} rows, and all of them wait",
                "see `guanjia import check`, and mend the mapping",
            )
    for finding in delivery.findings:
        if finding.table == "consents" and finding.fault == UNREAD:
            return GuanjiaError(
                f"table consents, column {finding.column}",
                f"cannot be read in {finding.rows:,} rows ({'; '.join(finding.examples)})",
                "say what the value means in the mapping: it may be a withdrawal of consent",
            )
    return None


@contextmanager
def _trial_home(lake: Lake) -> Iterator[Lake]:
    """Open a lake of its own in a folder that goes at the end."""
    (lake.home / "tmp").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=lake.home / "tmp", prefix="import-") as folder:
        yield Lake(lake.settings.model_copy(update={"home": Path(folder)}))
