"""A snapshot of sixty tags: ours against DuckDB SQL written by hand (`benchmarks/tags.sql`).

Timed on both sides: from the checked Parquet files to one Arrow table with a row a customer, in
the order of the customers, on the same DuckDB connection. Ours is what `features.tagging` does for
a snapshot, from declaration to result (Ibis expressions, their SQL, held aggregates), for the sixty
tags alone; neither side writes files. The sixty lie over policies, claims, claim movements, quotes,
interactions and entitlements. Before anything is timed, both must give identical values, types and
nulls for every customer. The date lies three months before the end of the history, so that later
rows, later versions and later milestones are there to be left out.

Also reported, without a limit: `write_snapshot` of all tags, files and hashes included.
"""

import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pyarrow as pa
from measuring import Measured, alternate, arguments, compared, finish, insurer, say, seconds

from features import tagging
from features.contract import CONTRACTS
from features.lake import Lake
from features.progress import quiet
from features.settings import cutoff
from features.spine import SPINE, spine_of_customers
from features.tags.catalogue import Tag, catalogue

AS_OF = date(2026, 3, 31)
LIMIT = 2.0
TAGS = 60


def main() -> int:
    """Verify that both agree, then measure."""
    asked = arguments(__doc__ or "", customers=100_000, repeats=5)
    with insurer(asked) as lake:
        query = by_hand(lake)
        theirs: pa.Table = lake.engine.con.sql(query).arrow().read_all()
        tags = [catalogue()[name] for name in theirs.column_names if name != "customer_id"]
        mine = snapshot(lake, tags)
        agree(mine, theirs)
        say(f"{len(tags)} tags of {len(mine):,} customers agree in every value")
        ours, peer = alternate(
            lambda: seconds(lambda: snapshot(lake, tags)),
            lambda: seconds(lambda: lake.engine.con.sql(query).arrow().read_all()),
            asked.repeats,
        )
        say("writing a snapshot of all tags")
        whole = seconds(lambda: tagging.write_snapshot(lake, [AS_OF]))
    everything = len(catalogue())
    lines = [
        compared(f"{len(tags)} tags, hand-written SQL", "s", ours, peer, at_most=LIMIT),
        Measured(f"snapshot of all {everything} tags, written", "s", whole),
    ]
    return finish("tags", len(mine), lines, asked.json)


def snapshot(lake: Lake, tags: Sequence[Tag]) -> pa.Table:
    """These tags of every customer, by the steps of `features.tagging.write_snapshot`."""
    spine = spine_of_customers(lake, [AS_OF])
    with tagging.computed(lake, spine, quiet, chosen={"sixty": tags}) as queries:
        query = f"SELECT * FROM ({queries['sixty']}) ORDER BY {', '.join(SPINE)}"
        with lake.batches(query) as batches:
            return pa.Table.from_batches(batches)


def by_hand(lake: Lake) -> str:
    """The peer's SQL with this lake's files and the date filled in."""
    text = (Path(__file__).parent / "tags.sql").read_text(encoding="utf-8")
    end = cutoff(AS_OF, lake.settings.timezone)
    files = {name: str(lake.checked(name)).replace("'", "''") for name in CONTRACTS}
    return text.format(
        cutoff=f"TIMESTAMPTZ '{end.isoformat()}'",
        end_us=int(end.timestamp()) * 1_000_000,
        as_of=f"DATE '{AS_OF}'",
        **files,
    )


def agree(mine: pa.Table, theirs: pa.Table) -> None:
    """Every customer, every tag: same value, same type, same nulls."""
    assert theirs.num_columns - 1 == TAGS, theirs.num_columns
    assert mine["customer_id"].equals(theirs["customer_id"]), "other customers"
    for name in theirs.column_names[1:]:
        assert mine.schema.field(name).type == theirs.schema.field(name).type, name
        assert mine[name].equals(theirs[name]), f"{name} differs from the SQL written by hand"
        assert theirs[name].null_count < len(theirs), f"{name} is null for everybody"


if __name__ == "__main__":
    sys.exit(main())
