"""Commands to move records and online rows between this machine's files and servers."""

from dataclasses import asdict
from enum import StrEnum
from typing import Annotated, Any

import typer

from features.errors import GuanjiaError
from guanjia.terminal.options import (
    Json,
    MaybeNow,
    latest_date,
    open_lake,
    open_published,
    read_clock,
)
from guanjia.terminal.output import emit, progress, table


class Database(StrEnum):
    """Where records can be."""

    postgres = "postgres"
    sqlite = "sqlite"


class Store(StrEnum):
    """Where online rows can be."""

    redis = "redis"
    sqlite = "sqlite"


def move_records(
    to: Annotated[Database, typer.Argument(help="Where to; GUANJIA_DATABASE names the Postgres.")],
    json: Json = False,
) -> None:
    """Move the records to Postgres, or back to a file: all rows, counted and hashed.

    Services cannot record meanwhile, so they decide nothing.
    """
    from serving.records.database import Records
    from serving.records.moving import move_records as move_all

    lake = open_lake()
    if lake.settings.database is None:
        cure = "set it to postgresql://user:password@host/database, for either direction"
        raise GuanjiaError("GUANJIA_DATABASE", "names no Postgres", cure)
    postgres = Records(lake.settings)
    sqlite = Records(lake.settings.model_copy(update={"database": None}))
    source, target = (sqlite, postgres) if to is Database.postgres else (postgres, sqlite)
    try:
        source.migrate()
        with progress(json) as report:
            moved = move_all(source, target, report)
            if source.is_local:
                report("clean-up", 0, 1)
                source.scrub()
                report("clean-up", 1, 1)
    finally:
        source.close()
        target.close()
    rows = [{"table": name, **asdict(content)} for name, content in moved.items()]
    total = sum(content.rows for content in moved.values())
    setting = (
        "Keep GUANJIA_DATABASE set for every command and service of this home, and restart them."
        if to is Database.postgres
        else "Unset GUANJIA_DATABASE for every command and service of this home, and restart them."
    )
    emit(
        {"from": source.place, "to": target.place, "rows": total, "tables": rows},
        json,
        table(
            "Equal on both sides before the source was emptied",
            [row | {"digest": str(row["digest"])[:16]} for row in rows],
        ),
        f"{total:,} rows moved from {source.place} to {target.place}. {setting}",
    )


def move_online(
    to: Annotated[Store, typer.Argument(help="Where to; GUANJIA_ONLINE names the Redis.")],
    now: MaybeNow = None,
    json: Json = False,
) -> None:
    """Load the online rows into Redis, or into a file again, and say what is left behind.

    They are computed, so they are loaded from the published day and the inbox.
    """
    from features.lake import published_lake
    from features.online.feast_client import materialize
    from features.online.push_events import catch_up
    from features.online.store import on_redis

    lake = open_published()
    if not on_redis(lake.settings):
        cure = "set it to redis://host:port/database, for either direction"
        raise GuanjiaError("GUANJIA_ONLINE", "names no Redis", cure)
    if to is Store.sqlite:
        lake = published_lake(lake.settings.model_copy(update={"online": "sqlite"}))
    day = latest_date(lake, "snapshots", "run `guanjia tags --as-of DATE`")
    at = now or read_clock()
    with progress(json) as report:
        loaded = materialize(lake, day, report, now=at)
    later = catch_up(lake, day, at)
    removed: list[Any] = []
    if to is Store.redis:
        files = sorted((lake.home / "feast").glob("online*.db*"))
        for path in files:
            path.unlink()
        removed = [path.name for path in files]
        setting = "Keep GUANJIA_ONLINE set for every command and service of this home"
        left = f"removed from the home: {', '.join(removed)}" if removed else "no file was left"
    else:
        setting = "Unset GUANJIA_ONLINE for every command and service of this home"
        left = "Redis still has its rows: empty its database (FLUSHDB) once no service reads it"
    emit(
        {"to": to.value, **asdict(loaded), "with_later_events": later, "removed": removed},
        json,
        f"Tags as of {day} and later events of {later:,} customers are online there; {left}.",
        f"{setting}, and restart them.",
    )
