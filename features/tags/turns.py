"""Find the dates of rows at which tags turn with the calendar alone, read from their expressions.

A condition such as `days_ago < 30` turns on one day for each row. Nobody keeps a list of such
limits: the expressions of a relation's tags are walked, and each comparison of a date with the date
of the tags is noted (`features.tags.moving` says how values move). Where the walk does not
understand an expression, it notes that any limit may turn it: the law of `features.lake.known`.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date

from features.contracts.tables import CONTRACTS
from features.lake import Lake
from features.lake.compiled import compile_once
from features.lake.spine import spine_of_customers
from features.settings import cutoff
from features.tags.catalogue import catalogue
from features.tags.moving import Turn, Turns
from features.tags.relations.relations import RELATIONS
from features.tags.walk import Walk

DAY = date(1987, 6, 5)
"""Stands for the date of the tags: no expression names this day."""


def relation_turns(lake: Lake, definitions: str) -> Mapping[str, Turns]:
    """Return the turns of each relation's aggregate tags, kept with the compiled SQL of a home.

    Parameters
    ----------
    lake : Lake
        The home with the checked tables and the settings of tags.
    definitions : str
        Hash of the definitions of the tags.

    Returns
    -------
    mapping of str to set of Turn
        By relation; relations that lack a table have none.
    """
    present = tuple(name for name in CONTRACTS if lake.has(name))
    stored = compile_once(lake, ("turns", definitions, present), lambda: _written(lake))
    return {
        name: frozenset(Turn(**turn) for turn in turns)
        for name, turns in json.loads(stored).items()
    }


def find_turns(lake: Lake) -> dict[str, Turns]:
    """Walk the expressions of all aggregate tags, one relation after the other."""
    spine = spine_of_customers(lake, [DAY])
    turns: dict[str, Turns] = {}
    for name, relation in RELATIONS.items():
        if not all(lake.has(table) for table in relation.tables):
            continue
        walk = Walk(DAY, cutoff(DAY, lake.settings.timezone))
        rows = relation.build(lake, spine)
        for tag in catalogue().values():
            if tag.relation == name:
                walk.note_tag(tag.name, tag.expression(rows).op())
        walk.rows(rows.op())
        turns[name] = frozenset(walk.turns)
    return turns


def _written(lake: Lake) -> str:
    """Write the turns as JSON."""
    turns = find_turns(lake)
    return json.dumps(
        {name: sorted((asdict(turn) for turn in of), key=str) for name, of in turns.items()}
    )
