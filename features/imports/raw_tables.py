"""Write raw tables: all together, with the ledger of deliveries, by one change of names."""

import shutil
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

from features.contracts.tables import CONTRACTS
from features.imports.deliveries.ledger import LEDGER
from features.imports.delivery import Delivery
from features.imports.versions import Versions
from features.imports.waiting_rows import keep_lines, keep_waiting
from features.lake import Lake
from features.publishing import published_folder
from features.sql import quoted, sql_text


def publish_raw_tables(lake: Lake, tables: Iterable[Versions], ledger: str) -> None:
    """Replace `raw/` by its tables, what `added_<table>` adds to them, and a ledger.

    Parameters
    ----------
    lake : Lake
        The home; its engine holds `added_<table>`.
    tables : iterable of Versions
        What was compared.
    ledger : str
        All deliveries, as text.
    """
    raw = lake.home / "raw"
    with published_folder(raw) as draft:
        changed = [versions for versions in tables if versions.versions]
        for name in set(CONTRACTS) - {versions.table for versions in changed}:
            if lake.raw(name).exists():
                shutil.copytree(lake.raw(name), draft / name, copy_function=_link)
        for versions in changed:
            write_raw_table(lake, draft / versions.table, versions.table)
        if raw.exists():
            _keep_strangers(raw, draft)
        (draft / LEDGER).write_text(ledger, "utf-8")


def write_raw_table(lake: Lake, folder: Path, name: str) -> None:
    """Write a raw table: what was known before, and the versions that a delivery adds.

    Parameters
    ----------
    lake : Lake
        The home; its engine holds `added_<table>`.
    folder : Path
        The folder that is written.
    name : str
        The raw table.
    """
    contract = CONTRACTS[name]
    columns = ", ".join(map(quoted, contract.columns))
    order = ", ".join(
        dict.fromkeys(
            quoted(column)
            for column in ("customer_id", contract.key, "recorded_at", *contract.columns)
            if column in contract.columns
        )
    )
    rows = f"SELECT {columns} FROM added_{name}"
    files = sorted(lake.raw(name).glob("*.parquet"))
    if files:
        paths = ", ".join(sql_text(path) for path in files)
        rows += (
            f" UNION ALL BY NAME SELECT {columns} FROM read_parquet([{paths}], union_by_name=true)"
        )
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    lake.con.execute(
        f"COPY (SELECT {columns} FROM ({rows}) ORDER BY {order})"
        f" TO {sql_text(folder / 'part-0.parquet')} (FORMAT parquet, COMPRESSION zstd)"
    )


def keep_delivered(lake: Lake, delivery: Delivery) -> None:
    """Publish the rows and lines of a delivery that wait, with their places and reasons.

    A dump takes the place of the one before. Of increments, rows of earlier days wait on, until the
    row of their key is delivered again.

    Parameters
    ----------
    lake : Lake
        The home; its engine holds `ready_<table>` and `waiting_<table>`.
    delivery : Delivery
        What was delivered.
    """
    mapping, ledger = delivery.mapping, delivery.ledger
    read = {(file.source, file.file) for file in delivery.entry.files}
    again = {file.source for file in delivery.entry.files if ledger.find(file.source, file.sha256)}
    increments = {
        name
        for name, source in mapping.sources.items()
        if source.delivery == "increment" and name not in again
    }
    with ExitStack() as stack:
        tables = [table.table for table in delivery.tables]
        keep_waiting(lake, tables, stack, replaced=set(mapping.sources) - increments)
    earlier = {
        Path(file.file).name
        for entry in ledger.entries
        for file in entry.files
        if file.source in increments and (file.source, file.file) not in read
    }
    sources = {Path(file.file).name: file.source for file in delivery.entry.files}
    keep_lines(lake, delivery.files, sources, mapping, delivery.entry.delivered, earlier)


def _link(source: str, target: str) -> None:
    """Take a file over, without copying its bytes where the file system allows it."""
    try:
        Path(target).hardlink_to(Path(source).resolve())
    except OSError:
        shutil.copy2(source, target)


def _keep_strangers(raw: Path, draft: Path) -> None:
    """Take over what lies in `raw/` and is no table: `guanjia check` names it."""
    for path in raw.iterdir():
        if path.name in CONTRACTS or path.name.startswith("."):
            continue
        if path.is_dir():
            shutil.copytree(path, draft / path.name, copy_function=_link)
        else:
            _link(str(path), str(draft / path.name))
