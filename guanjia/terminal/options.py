"""What commands share: options, dates, the lake that the environment names, the clock."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from features.errors import GuanjiaError


def day(text: str) -> date:
    """A date written YYYY-MM-DD and in no other way."""
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        raise typer.BadParameter(f"{text!r} is not a date; write it as 2026-06-30")
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no day of the calendar: {error}") from None


def month(text: str) -> date:
    """The first day of a month written YYYY-MM."""
    if not re.fullmatch(r"\d{4}-\d{2}", text):
        raise typer.BadParameter(f"{text!r} is not a month; write it as 2025-10")
    return day(f"{text}-01")


Json = Annotated[bool, typer.Option("--json", help="Write JSON to stdout, and nothing else.")]
AsOf = Annotated[
    date, typer.Option("--as-of", parser=day, metavar="YYYY-MM-DD", help="What was known by then.")
]
MaybeAsOf = Annotated[
    date | None,
    typer.Option("--as-of", parser=day, metavar="YYYY-MM-DD", help="Default: the latest there is."),
]


def instant(text: str) -> datetime:
    """An instant as ISO 8601 writes it, with its time zone."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is no instant; write it as 2026-07-01T09:00+08:00"
        ) from None
    if found.tzinfo is None:
        raise typer.BadParameter(f"{text!r} has no time zone; write it as {text}+08:00")
    return found


MaybeNow = Annotated[
    datetime | None,
    typer.Option(
        "--now",
        parser=instant,
        envvar="GUANJIA_NOW",
        metavar="INSTANT",
        help="What time it is, where the insurer is simulated. Default: the clock.",
    ),
]


class Engine(StrEnum):
    """What computes tags."""

    duckdb = "duckdb"
    spark = "spark"


def lake(engine: Engine = Engine.duckdb) -> Any:
    """The lake the environment names."""
    from features import settings
    from features.lake import Lake

    if engine is Engine.spark:
        from features.lake.spark import SparkLake

        return SparkLake(settings.load())
    return Lake(settings.load())


@contextmanager
def records(where: Any) -> Iterator[Any]:
    """The operational records of a lake, up to date; closed afterwards."""
    from serving.records.database import Records

    found = Records(where.settings)
    try:
        found.migrate()
        yield found
    finally:
        found.close()


def latest(where: Any, folder: str, cure: str) -> date:
    """The latest date that `folder` of the lake holds a file of."""
    names = [path.stem.removeprefix("as_of=") for path in (where.home / folder).glob("[!.]*")]
    days = [date.fromisoformat(name) for name in names if re.fullmatch(r"\d{4}-\d\d-\d\d", name)]
    if not days:
        raise GuanjiaError(folder, f"holds nothing under {where.home}", cure)
    return max(days)


def now() -> datetime:
    """The time, read here and handed down."""
    return datetime.now(tz=ZoneInfo("UTC"))
