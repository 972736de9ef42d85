"""Output of commands: tables for people, JSON for machines, progress on stderr.

Results go to stdout, progress and faults to stderr, so that a pipe receives the result alone. The
library that draws tables and bars is imported when one is drawn: `--json` and faults need none.
"""

import dataclasses
import json
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from features.errors import GuanjiaError
from features.jsonable import jsonable
from features.progress import Report, quiet
from guanjia.terminal.command_log import LOG, logs_json


@dataclasses.dataclass(frozen=True)
class Table:
    """Rows to be shown as a table with a title.

    Attributes
    ----------
    title : str
        Printed above it.
    rows : sequence of mapping
        Cells by column name.
    columns : sequence of str
        Columns to show, in order; empty: those of the first row.
    """

    title: str
    rows: Sequence[Mapping[str, Any]]
    columns: Sequence[str] = ()


def table(title: str, rows: Sequence[Mapping[str, Any]], columns: Sequence[str] = ()) -> Table:
    """Make a table with a title; columns of numbers are aligned to the right.

    Parameters
    ----------
    title, rows, columns
        As in `Table`.
    """
    return Table(title, rows, columns)


def emit(payload: Any, as_json: bool, *shown: Table | str) -> None:
    """Write the payload as JSON, or tables and sentences for a person.

    Parameters
    ----------
    payload : object
        The result; `features.jsonable` converts it.
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
        drawn = item if isinstance(item, str) else _draw(item)
        console.print(drawn, markup=False, highlight=False, soft_wrap=isinstance(item, str))


def _draw(table: Table) -> Any:
    """Convert a table to a table of rich."""
    import rich.table

    names = list(table.columns) or (list(table.rows[0]) if table.rows else [])
    drawn = rich.table.Table(title=table.title, title_justify="left", title_style="bold")
    for place, name in enumerate(names):
        numeric = all(isinstance(row.get(name), int | float | Decimal | None) for row in table.rows)
        # The first column says what a row is about: it is not wrapped. Nothing else is cut off.
        drawn.add_column(
            name, justify="right" if numeric else "left", no_wrap=place == 0, overflow="fold"
        )
    for row in table.rows:
        drawn.add_row(*(cell(row.get(name)) for name in names))
    return drawn


def cell(value: Any) -> str:
    """Format a value as a table cell.

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


def short_path(path: Path) -> str:
    """Return a path below the current folder as a relative one."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def complain(error: GuanjiaError, as_json: bool) -> None:
    """Write a fault to stderr, or to the log of the command if it has one."""
    if logs_json():
        LOG.error("%s", error)
    elif as_json:
        fault = {"thing": error.thing, "fault": error.fault, "cure": error.cure}
        sys.stderr.write(json.dumps({"error": fault}, ensure_ascii=False) + "\n")
    else:
        sys.stderr.write(f"{error}\n")


@contextmanager
def progress(as_json: bool = False) -> Iterator[Report]:
    """Report progress on stderr: bars on a terminal, lines elsewhere, nothing with --json.

    A command with a log of its own reports there.
    """
    if logs_json():
        yield _lines(LOG.info)
        return
    if as_json:
        yield quiet
        return
    if not sys.stderr.isatty():
        yield _lines(_to_stderr)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[count]}"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, TaskID] = {}

        def report(step: str, done: int, total: int | None) -> None:
            if step not in tasks:
                tasks[step] = bars.add_task(step, total=total, count="", left="")
            count = f"{done:,}" + (f" of {total:,}" if total is not None else "")
            elapsed = bars.tasks[tasks[step]].elapsed or 0.0
            left = time_left(elapsed, done, total)
            bars.update(tasks[step], completed=done, total=total, count=count, left=left)

        yield report


def time_left(elapsed: float, done: int, total: int | None) -> str:
    """Estimate how long a step will still take at its speed so far; empty where it is not known.

    Parameters
    ----------
    elapsed : float
        Seconds since it began.
    done, total : int, int or None
        Parts done and parts in all; None: not known.

    Examples
    --------
    >>> time_left(60, 20, 80), time_left(5, 1, 3), time_left(5, 0, 3), time_left(5, 1, None)
    ('3 min left', '10 s left', '', '')
    """
    if not done or total is None or done >= total or not elapsed:
        return ""
    left = elapsed * (total - done) / done
    return f"{left / 60:.0f} min left" if left >= 90 else f"{left:.0f} s left"


def _to_stderr(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _lines(write: Callable[[str], None]) -> Report:
    """Report by lines: when a step begins, when it is done, and when another interrupts it.

    A step of unknown length is over when the next begins.
    """
    began: dict[str, float] = {}
    last, unended = "", False

    def report(step: str, done: int, total: int | None) -> None:
        nonlocal last, unended
        now = time.monotonic()
        if step != last and unended:
            write(f"{last}: {now - began.pop(last):.1f} s")
            unended = False
        if step not in began or (done == 0 and step != last):
            began[step] = now
            write(f"{step} ...")
        elif step != last and total is not None and done < total:
            left = time_left(now - began[step], done, total)
            write(f"{step}: {done:,} of {total:,}, {left}")
        if total is not None and done >= total:
            write(f"{step}: {done:,}, {now - began.pop(step):.1f} s")
        last, unended = step, total is None

    return report
