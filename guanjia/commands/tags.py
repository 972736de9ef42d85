"""Commands to compute, list and load tags, and to explain the star of a customer."""

from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from guanjia.terminal.options import (
    Engine,
    Json,
    Language,
    MaybeAsOf,
    MaybeNow,
    latest_date,
    open_lake,
    open_published,
    parse_day,
    read_clock,
)
from guanjia.terminal.output import emit, progress, table


def tags(
    as_of: Annotated[
        list[date],
        typer.Option("--as-of", parser=parse_day, metavar="YYYY-MM-DD", help="Repeatable."),
    ],
    engine: Annotated[Engine, typer.Option(help="Engine: DuckDB on this machine, or Spark.")] = (
        Engine.duckdb
    ),
    now: MaybeNow = None,
    recompute_all: Annotated[
        bool, typer.Option("--whole", help="Compute everything, whatever snapshots there are.")
    ] = False,
    json: Json = False,
) -> None:
    """Compute every tag of every customer as of a date.

    A date is carried forward from the latest snapshot before it where that can be done.
    """
    from features.snapshots.compute import write_snapshot
    from features.snapshots.known_dates import refuse_unknown_dates
    from features.sources.raw_source import source_of
    from guanjia.jobs.lineage_events import lineage_events

    lake = open_lake(engine)
    time = now
    if time is None and source_of(lake) is None:
        time = read_clock()  # a portfolio of ours may lie ahead of the clock
    refuse_unknown_dates(lake, as_of, time)
    with progress(json) as report, lineage_events(lake, "tags", max(as_of)):
        written = write_snapshot(lake, sorted(set(as_of)), report, recompute_all)
    rows = [
        {
            "as_of": snapshot.as_of,
            "customers": snapshot.customers,
            "carried from": snapshot.base,
            "recomputed": snapshot.recomputed,
            "snapshot": snapshot.snapshot_id,
        }
        for snapshot in written
    ]
    emit(written, json, table("Tag snapshots", rows), "Next: guanjia quality, guanjia score")


def materialize(as_of: MaybeAsOf = None, now: MaybeNow = None, json: Json = False) -> None:
    """Load the tags of a date into the online store.

    Customers with later events are computed anew.
    """
    from features.online.feast_client import materialize as load_online
    from features.online.push_events import catch_up

    lake = open_published(as_of)
    on = as_of or latest_date(lake, "snapshots", "run `guanjia tags --as-of DATE`")
    time = now or read_clock()
    with progress(json) as report:
        loaded = load_online(lake, on, report, now=time)
    caught_up = catch_up(lake, on, time)
    later = f" {caught_up:,} customers have later events; theirs are newer." if caught_up else ""
    emit(
        {**asdict(loaded), "with_later_events": caught_up},
        json,
        f"Tags as of {on} are online.{later} Next: guanjia serve",
    )


def rate(
    customer: Annotated[str, typer.Argument(help="Customer number")],
    as_of: MaybeAsOf = None,
    json: Json = False,
) -> None:
    """Show a customer's star and the arithmetic behind it."""
    from features.stars.explain import explain_rating

    lake = open_published()
    on = as_of or latest_date(lake, "snapshots", "give --as-of DATE")
    rating = explain_rating(lake, customer, on)
    emit(rating.as_dict(), json, f"{customer} as of {on}", *rating.sentences, rating.missing)


def catalogue(
    out: Annotated[Path | None, typer.Option(help="Write the page here, as Markdown.")] = None,
    language: Annotated[
        Language, typer.Option(help="Language of definitions, units, windows and nulls.")
    ] = Language.en,
    json: Json = False,
) -> None:
    """List every tag; with --out, write a page of definitions."""
    from features.dictionary import document as chinese
    from features.dictionary.phrases import phrases_of
    from features.tags import document as english
    from features.tags.catalogue import catalogue as all_tags

    if out is not None:
        page = chinese.render() if language is Language.zh else english.render()
        out.write_text(page, encoding="utf-8")
    payload = [
        {"name": tag.name, "label": tag.label}
        | {name: str(phrase) for name, phrase in vars(phrases_of(tag, language)).items()}
        | {"group": tag.group, "type": tag.type}
        for tag in all_tags().values()
    ]
    headings = {"tag": "name", "label": "label", "unit": "unit", "window": "window"}
    if language is Language.zh:
        headings = {"标签": "name", "中文名": "label", "单位": "unit", "窗口": "window"}
    rows = [{head: tag[name] for head, name in headings.items()} for tag in payload]
    title = f"{len(rows)} 个标签" if language is Language.zh else f"{len(rows)} tags"
    emit(payload, json, table(title, rows))
