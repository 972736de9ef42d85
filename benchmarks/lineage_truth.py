"""Compare the raw columns that `guanjia lineage` names for each tag with those that change it.

Every column of every raw table is mutated, one in each of hundreds of small insurers
(`tests/support/mutated_tables.py`): absent cells, cells of other rows, earlier and later days, more
and less, other allowed values; of all rows, and of a quarter. Sound: a tag that a mutation changes
names the column; a single pair more breaks the limit. Exact: of each column that a tag names, a
mutation changes the tag. Columns that did not change a tag that names them are tried again with
other lots and another date, until each did or the rounds are over; those that are left are printed.
A few pairs no change can show, since other parts of the expression undo it: they are listed here.
"""

import sys
import tempfile
from datetime import date
from pathlib import Path

from measuring import Measured, arguments, finish, insurer, say

sys.path.append(str(Path(__file__).parents[1] / "tests" / "support"))

from mutated_tables import Column, changed_tags, raw_columns, worlds

from features.tags.lineage import MERGES, tag_columns

SIMULATED = 3_000
MUTATED = 60
"""Customers of each world, each made of two simulated ones."""
DATES = (date(2026, 6, 30), date(2026, 3, 31), date(2025, 9, 30), date(2024, 12, 31))
UNDONE: dict[tuple[str, Column], str] = {
    ("days_since_last_consent_change", ("consents", "purpose")): (
        "the latest of the latest changes of each purpose is the latest of all"
    ),
    ("price_sensitivity_observations", ("policies", "inception")): (
        "only terms that were not cancelled count, and those began whenever they did"
    ),
    ("further_quotes_asked", ("policies", "inception")): "the same",
    ("report_in_time_share_36m", ("claims", "injury")): (
        "the shipped claims.toml gives both kinds of claims the same days to be reported"
    ),
}
"""Pair -> why no change of the column shows in the tag, although its expression reads it."""


def main() -> int:
    """Mutate all columns, then again those that are not explained, and report the pairs."""
    asked = arguments(__doc__ or "", customers=SIMULATED, repeats=12)
    named = {
        (tag, column)
        for tag, columns in tag_columns().items()
        for column in columns
        if column[0] != MERGES and (tag, column) not in UNDONE
    }
    changed: set[tuple[str, Column]] = set()
    with insurer(asked) as base, tempfile.TemporaryDirectory() as scratch:
        for turn in range(asked.repeats):
            unexplained = named - changed
            columns = sorted({column for _, column in unexplained}) if turn else raw_columns()
            if not columns:
                break
            say(f"round {turn + 1}: {len(columns)} columns; {len(unexplained)} pairs to explain")
            as_of = DATES[turn % len(DATES)]
            home = Path(scratch) / str(turn)
            # Fewer columns leave room for more customers.
            customers = min(MUTATED * len(raw_columns()) // len(columns), 10 * MUTATED)
            planned = worlds(columns, turn)
            tags_of = changed_tags(base, home, planned, as_of, customers, turn)
            changed |= {(tag, column) for column, tags in tags_of.items() for tag in tags}
    for tag, (table, column) in sorted(named - changed):
        print(f"named, and never changed it: {tag}: {table}.{column}")
    for tag, (table, column) in sorted(changed & UNDONE.keys()):
        print(f"said to be undone, and changed it: {tag}: {table}.{column}")
    named |= changed & UNDONE.keys()
    for tag, (table, column) in sorted(changed - named):
        print(f"changed it, and is not named: {tag}: {table}.{column}")
    lines = [
        Measured("pairs of a tag and a column named", "pairs", len(named)),
        Measured("changed, not named", "pairs", len(changed - named), at_most=0),
        Measured("named, never changed", "pairs", len(named - changed), at_most=0),
        Measured("named, undone by the rest", "pairs", len(UNDONE)),
    ]
    return finish("lineage_truth", asked.customers, lines, asked.json)


if __name__ == "__main__":
    sys.exit(main())
