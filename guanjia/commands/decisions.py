"""Decisions of the past."""

import sys
from dataclasses import asdict
from typing import Annotated

import typer

from guanjia.options import Json, lake
from guanjia.output import emit


def replay(
    decision_id: Annotated[str, typer.Argument(help="The number that the decision gave")],
    json: Json = False,
) -> None:
    """Make a decision again from its record; exit 1 if anything it rests on has changed."""
    from serving.decision.replay import replay as again
    from serving.records.database import Records

    where = lake()
    records = Records(where.settings)
    try:
        records.migrate()
        found = again(where, records, decision_id)
    finally:
        records.close()
    lines = [f"decided {found.recorded}; again: {found.action}"]
    lines += [f"changed: {one}" for one in found.changed]
    lines += [f"note: {one}" for one in found.notes]
    lines.append(
        "the same, by the same versions and tags" if found.same else "not the same any more"
    )
    emit(asdict(found), json, *lines)
    if not found.same:
        sys.exit(1)
