"""Commands to replay a decision, and to price the capacity of the next day by past decisions."""

import sys
from dataclasses import asdict
from typing import Annotated

import typer

from guanjia.terminal.options import AsOf, Json, open_lake, open_records, read_clock
from guanjia.terminal.output import emit, table


def replay(
    decision_id: Annotated[str, typer.Argument(help="The number that the decision gave")],
    json: Json = False,
) -> None:
    """Make a decision again from its record.

    The exit code is 1 if anything that it rests on has changed.
    """
    from serving.decision.replay import replay as replay_decision

    lake = open_lake()
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


def capacity(as_of: AsOf, json: Json = False) -> None:
    """Price contacts where a branch can make too few of them.

    For the day after a date: `/decide` then contacts whom it is worth most.
    """
    from serving.decision.capacity.prices import fit_prices

    lake = open_lake()
    with open_records(lake) as records:
        prices = fit_prices(lake, records, as_of, read_clock())
    rows = [price.document() for price in prices]
    title = f"Capacity of the day after {as_of}: contacts a day, and yuan that one more is worth"
    columns = ["branch", "channel", "capacity", "wanted", "price"]
    last = "Decisions of that day take a contact only where it is worth more than its price."
    emit({"as_of": as_of, "prices": rows}, json, table(title, rows, columns), last)
