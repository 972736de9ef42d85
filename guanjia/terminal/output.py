"""What a command shows: tables for people, JSON for machines, progress on stderr.

Results go to stdout, progress and faults to stderr, so that a pipe receives the result alone. What
draws tables and bars is imported when one is drawn: `--json` and faults need none.
"""

import dataclasses
import json
import math
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from features.errors import GuanjiaError
from features.jsonable import jsonable
from features.progress import Report, quiet


@dataclasses.dataclass(frozen=True)
class Table:
    """Rows to be shown as a table with a title.

    Attributes
    ----------
    title : str
        Stands above it.
    rows : sequence of mapping
        Cells by column name.
    columns : sequence of str
        Which columns, in which order; empty: those of the first row.
    """

    title: str
    rows: Sequence[Mapping[str, Any]]
    columns: Sequence[str] = ()


def table(title: str, rows: Sequence[Mapping[str, Any]], columns: Sequence[str] = ()) -> Table:
    """Rows as a table with a title; numbers to the right.

    Parameters
    ----------
    title, rows, columns
        As in `Table`.
    """
    return Table(title, rows, columns)


def emit(payload: Any, as_json: bool, *shown: Table | str) -> None:
    """Write the payload as JSON, or what a person wants to see of it.

    Parameters
    ----------
    payload : object
        The result, as `features.jsonable` understands it.
    as_json : bool
        Whether the user asked for JSON.
    *shown : Table or str
        Tables and sentences for a person, in order.
    """
    if as_json:
        json.dump(jsonable(payload), sys.stdout, ensure_ascii=False, indent=2, allow_nan=False)
        sys.stdout.write("\n")
        return
    from rich.console import Console

    console = Console(width=None if sys.stdout.isatty() else 110)
    for item in shown:
        drawn = item if isinstance(item, str) else _drawn(item)
        console.print(drawn, markup=False, highlight=False, soft_wrap=isinstance(item, str))


def _drawn(table: Table) -> Any:
    """The table as rich draws it."""
    import rich.table

    names = list(table.columns) or (list(table.rows[0]) if table.rows else [])
    drawn = rich.table.Table(title=table.title, title_justify="left", title_style="bold")
    for place, name in enumerate(names):
        numeric = all(isinstance(row.get(name), int | float | Decimal | None) for row in table.rows)
        # What a row is about must stay readable; later columns may be broken.
        drawn.add_column(name, justify="right" if numeric else "left", no_wrap=place == 0)
    for row in table.rows:
        drawn.add_row(*(cell(row.get(name)) for name in names))
    return drawn


def cell(value: Any) -> str:
    """A value as a table shows it.

    Examples
    --------
    >>> cell(1234567), cell(0.51234), cell(None), cell(True)
    ('1,234,567', '0.512', '-', 'yes')
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.3f}"
    if isinstance(value, int | Decimal):
        return f"{value:,}"
    return str(value)


def from_here(path: Path) -> str:
    """The path as a user would type it: relative where it lies below the current folder."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def complain(error: GuanjiaError, as_json: bool) -> None:
    """Write a fault to stderr."""
    if as_json:
        fault = {"thing": error.thing, "fault": error.fault, "cure": error.cure}
        sys.stderr.write(json.dumps({"error": fault}, ensure_ascii=False) + "\n")
    else:
        sys.stderr.write(f"{error}\n")


@contextmanager
def progress(as_json: bool = False) -> Iterator[Report]:
    """Progress on stderr: bars on a terminal, a line a step elsewhere, nothing with --json."""
    if as_json:
        yield quiet
        return
    if not sys.stderr.isatty():
        yield _lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[count]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, TaskID] = {}

        def report(step: str, done: int, total: int | None) -> None:
            if step not in tasks:
                tasks[step] = bars.add_task(step, total=total, count="")
            count = f"{done:,}" + (f" of {total:,}" if total is not None else "")
            bars.update(tasks[step], completed=done, total=total, count=count)

        yield report


def _lines() -> Report:
    """A line when a step begins and one when it is done; steps follow one another."""
    current, began, ended = "", 0.0, True

    def report(step: str, done: int, total: int | None) -> None:
        nonlocal current, began, ended
        if step != current or (ended and done == 0):
            if not ended:
                sys.stderr.write(f"{current}: {time.monotonic() - began:.1f} s\n")
            current, began, ended = step, time.monotonic(), False
            sys.stderr.write(f"{step} ...\n")
        if total is not None and done >= total and not ended:
            ended = True
            sys.stderr.write(f"{step}: {done:,}, {time.monotonic() - began:.1f} s\n")
        sys.stderr.flush()

    return report
