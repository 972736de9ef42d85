"""Commands about decisions: replay one, summarise them, price the capacity of the next day."""

import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any

import typer

from guanjia.terminal.options import AsOf, Json, open_published, open_records, read_clock
from guanjia.terminal.output import emit, table


def replay(
    decision_id: Annotated[str, typer.Argument(help="The number that the decision gave")],
    json: Json = False,
) -> None:
    """Make a decision again from its record.

    The exit code is 1 if anything that it rests on has changed.
    """
    from serving.decision.replay import replay as replay_decision

    lake = open_published()
    with open_records(lake) as records:
        replayed = replay_decision(lake, records, decision_id)
    lines = [f"decided {replayed.recorded}; again: {replayed.action}"]
    lines += [f"changed: {change}" for change in replayed.changed]
    lines += [f"note: {note}" for note in replayed.notes]
    lines.append(
        "the same, by the same versions and tags" if replayed.same else "not the same any more"
    )
    emit(asdict(replayed), json, *lines)
    if not replayed.same:
        sys.exit(1)


def decisions(
    summary: Annotated[
        bool, typer.Option("--summary", help="Actions, and what silence rested on (the default).")
    ] = False,
    fairness: Annotated[
        bool, typer.Option("--fairness", help="Whether choices depend on age or years of licence.")
    ] = False,
    days: Annotated[
        int, typer.Option(min=1, help="Days up to the last decision that are summarised.")
    ] = 7,
    customers: Annotated[
        int, typer.Option(min=1, help="Customers whose twins are compared.")
    ] = 200,
    json: Json = False,
) -> None:
    """Summarise recorded decisions, or compare what twins of other ages would be given.

    With --fairness the exit code is 1 if any pair of twins is treated in different ways.
    """
    if summary and fairness:
        raise typer.BadParameter("--summary and --fairness are two reports: ask for one")
    lake = open_published()
    with open_records(lake) as records:
        if fairness:
            _compare_twins(lake, records, customers, json)
        else:
            _summarise(records, days, json)


def _summarise(records: Any, days: int, json: bool) -> None:
    from serving.decision.reports.summary import summarise

    counts = summarise(records, days)
    tables = counts.tables()
    titles = {
        "decision_points": f"Decisions of the {days} days to {counts.last:%Y-%m-%d %H:%M} UTC",
        "silence": "Silence, by the strongest of what it rests on",
        "actions": "Contacts, and what they are worth in yuan (service messages have no value)",
    }
    shown = [table(titles[name], rows) for name, rows in tables.items() if rows]
    emit({"first": counts.first, "last": counts.last, **tables}, json, *shown)


def _compare_twins(lake: Any, records: Any, customers: int, json: bool) -> None:
    from serving.decision.decider import Decider
    from serving.decision.reports.fairness import OLD, YOUNG, compare_twins
    from serving.decision.reports.survey import survey
    from serving.decision.touchpoint_source import TouchpointSource
    from serving.predictions.service import PredictionService
    from serving.touchpoints.catalogue import load_touchpoints

    points = load_touchpoints(lake.home).shared.decision_points
    decider = Decider(PredictionService(lake), records, TouchpointSource(lake))
    drawn, at = survey(lake, customers)
    counts = compare_twins(decider.gatherer, records, drawn, points, at)
    rows = [asdict(count) for count in counts]
    title = f"Twins: {len(drawn)} customers, each with {_words(YOUNG)} and with {_words(OLD)}"
    different = any(count.different for count in counts)
    last = "Some are treated in different ways." if different else "All are treated alike."
    emit({"twins": [YOUNG, OLD], "decision_points": rows}, json, table(title, rows), last)
    if different:
        sys.exit(1)


def _words(tags: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in tags.items())


def capacity(as_of: AsOf, json: Json = False) -> None:
    """Price contacts where a branch can make too few of them.

    For the day after a date: `/decide` then contacts whom it is worth most.
    """
    from serving.decision.capacity.prices import fit_prices

    lake = open_published(as_of)
    with open_records(lake) as records:
        prices = fit_prices(lake, records, as_of, read_clock())
    rows = [price.document() for price in prices]
    title = f"Capacity of the day after {as_of}: contacts a day, and yuan that one more is worth"
    columns = ["branch", "channel", "capacity", "wanted", "price"]
    last = "Decisions of that day take a contact only where it is worth more than its price."
    emit({"as_of": as_of, "prices": rows}, json, table(title, rows, columns), last)
