"""Decisions of the past: made again, and what they say of the capacity of the day to come."""

import sys
from dataclasses import asdict
from typing import Annotated

import typer

from guanjia.terminal.options import AsOf, Json, lake, now, records
from guanjia.terminal.output import emit, table


def replay(
    decision_id: Annotated[str, typer.Argument(help="The number that the decision gave")],
    json: Json = False,
) -> None:
    """Make a decision again from its record.

    The exit code is 1 if anything that it rests on has changed.
    """
    from serving.decision.replay import replay as again

    where = lake()
    with records(where) as kept:
        found = again(where, kept, decision_id)
    lines = [f"decided {found.recorded}; again: {found.action}"]
    lines += [f"changed: {one}" for one in found.changed]
    lines += [f"note: {one}" for one in found.notes]
    lines.append(
        "the same, by the same versions and tags" if found.same else "not the same any more"
    )
    emit(asdict(found), json, *lines)
    if not found.same:
        sys.exit(1)


def capacity(as_of: AsOf, json: Json = False) -> None:
    """Price contacts where a branch can make too few of them.

    For the day after a date: `/decide` then contacts whom it is worth most.
    """
    from serving.decision.capacity.prices import fit_prices

    where = lake()
    with records(where) as kept:
        found = fit_prices(where, kept, as_of, now())
    rows = [price.document() for price in found]
    title = f"Capacity of the day after {as_of}: contacts a day, and yuan that one more is worth"
    columns = ["branch", "channel", "capacity", "wanted", "price"]
    last = "Decisions of that day take a contact only where it is worth more than its price."
    emit({"as_of": as_of, "prices": rows}, json, table(title, rows, columns), last)
