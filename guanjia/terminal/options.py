"""Options that commands share, and what they open: lake, records, clock."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from features.errors import GuanjiaError
from guanjia.terminal.home_format import keep_format
from guanjia.terminal.private_home import close_to_others


def parse_day(text: str) -> date:
    """Parse a date written YYYY-MM-DD, and in no other way."""
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        raise typer.BadParameter(f"{text!r} is not a date; write it as 2026-06-30")
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no day of the calendar: {error}") from None


def parse_month(text: str) -> date:
    """Parse a month written YYYY-MM into its first day."""
    if not re.fullmatch(r"\d{4}-\d{2}", text):
        raise typer.BadParameter(f"{text!r} is not a month; write it as 2025-10")
    return parse_day(f"{text}-01")


Json = Annotated[bool, typer.Option("--json", help="Write JSON to stdout, and nothing else.")]
AsOf = Annotated[
    date,
    typer.Option("--as-of", parser=parse_day, metavar="YYYY-MM-DD", help="What was known by then."),
]
MaybeAsOf = Annotated[
    date | None,
    typer.Option(
        "--as-of", parser=parse_day, metavar="YYYY-MM-DD", help="Default: the latest there is."
    ),
]


def parse_instant(text: str) -> datetime:
    """Parse an instant in ISO 8601 with a time zone."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is no instant; write it as 2026-07-01T09:00+08:00"
        ) from None
    if instant.tzinfo is None:
        raise typer.BadParameter(f"{text!r} has no time zone; write it as {text}+08:00")
    return instant


MaybeNow = Annotated[
    datetime | None,
    typer.Option(
        "--now",
        parser=parse_instant,
        envvar="GUANJIA_NOW",
        metavar="INSTANT",
        help="The current time of a simulated insurer. Default: the clock.",
    ),
]


WHO = "Who does it; recorded. Default: the user who is logged in."
Who = Annotated[str | None, typer.Option("--who", help=WHO)]
ListName = Annotated[str, typer.Argument(metavar="LIST", help="renewal_risk, or one of your own.")]
ListSource = Annotated[str, typer.Argument(metavar="LIST", help="A list, or a TOML or JSON file.")]
ListVersion = Annotated[int | None, typer.Option("--version", help="Default: the latest.")]


class Engine(StrEnum):
    """Engine that computes tags."""

    duckdb = "duckdb"
    spark = "spark"


class Language(StrEnum):
    """Language of what people read."""

    en = "en"
    zh = "zh"


def open_lake(engine: Engine = Engine.duckdb) -> Any:
    """Open the lake of the home that the environment names, for its owner alone."""
    from features import settings
    from features.lake import Lake

    keep_format(settings.load().home)
    close_to_others(settings.load().home)
    if engine is Engine.spark:
        from features.lake.spark import SparkLake

        return SparkLake(settings.load())
    return Lake(settings.load())


def open_published(as_of: date | None = None) -> Any:
    """Open the home as its readers see it: the published day, or the working area of before.

    Parameters
    ----------
    as_of : date, optional
        The day that the user asked for, where only the published one will do.

    Raises
    ------
    GuanjiaError
        If another day is published.
    """
    from features.lake import published_lake

    settings = open_lake().settings
    lake = published_lake(settings)
    if lake.day is not None and as_of not in (None, lake.day.as_of):
        raise GuanjiaError(
            f"day {as_of}",
            f"is not the published one, which is {lake.day.as_of}",
            f"leave out --as-of, or run `guanjia publish --as-of {as_of}` first",
        )
    return lake


@contextmanager
def open_records(lake: Any) -> Iterator[Any]:
    """Open and migrate the operational records of a lake; close them at the end of the block.

    A command waits longer for them than a request may: it reads and writes of many customers.
    """
    from serving.records.database import LONG_SECONDS, Records

    records = Records(lake.settings, LONG_SECONDS)
    try:
        records.migrate()
        yield records
    finally:
        records.close()


def latest_date(lake: Any, folder: str, cure: str) -> date:
    """Find the latest date of which a folder of the home holds a file.

    Parameters
    ----------
    lake : Lake
        The home.
    folder : str
        Its folder, such as `snapshots`.
    cure : str
        What the user can do if the folder holds no date.

    Raises
    ------
    GuanjiaError
        If the folder holds no date.
    """
    names = [path.stem.removeprefix("as_of=") for path in (lake.data / folder).glob("[!.]*")]
    days = [date.fromisoformat(name) for name in names if re.fullmatch(r"\d{4}-\d\d-\d\d", name)]
    if not days:
        raise GuanjiaError(folder, f"holds nothing under {lake.home}", cure)
    return max(days)


def read_clock() -> datetime:
    """Read the current time (UTC); all below the commands get it as a parameter."""
    return datetime.now(tz=ZoneInfo("UTC"))
