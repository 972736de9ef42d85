"""A snapshot of sixty tags: ours against DuckDB SQL written by hand (`benchmarks/tags.sql`).

Timed on both sides: from the checked Parquet files to one Arrow table with a row a customer, in
the order of the customers, on the same DuckDB connection. Ours is what
`features.snapshots.compute` does for a snapshot, from declaration to result (Ibis expressions,
their SQL, held aggregates), for the sixty tags alone; neither side writes files. The sixty lie
over policies, claims, claim movements, quotes, interactions and entitlements. Before anything is
timed, both must give identical values, types and nulls for every customer. The date lies three
months before the end of the history, so that later rows, later versions and later milestones are
there to be left out.

Then `guanjia tags --whole` of that date, all tags, as a command of its own: how long it takes, from
start to end, and the most memory it holds. From one size to the next, time may grow with the
customers to the power 1.1 at most. For 5 million: `--customers 100000 300000 1000000 5000000`.
"""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from math import log
from pathlib import Path

import pyarrow as pa
from measuring import Measured, alternate, arguments, compared, finish, insurer, say, seconds

from features.contracts.tables import CONTRACTS
from features.lake import Lake
from features.lake.spine import SPINE, spine_of_customers
from features.progress import quiet
from features.settings import cutoff
from features.snapshots.tag_queries import group_queries
from features.tags.catalogue import catalogue
from features.tags.declare import Tag

AS_OF = date(2026, 3, 31)
SIZES = [100_000, 300_000, 1_000_000]
LIMIT = 2.0
LARGEST_EXPONENT = 1.1
LARGEST_MEMORY_GIB = 8.0
TAGS = 60


def main() -> int:
    """At each size verify that both agree, and measure; then the growth from size to size."""
    asked = arguments(__doc__ or "", customers=SIZES, repeats=3)
    lines = []
    commands = {}
    for size in sorted(asked.customers):
        with insurer(asked, size) as lake:
            lines.append(against_sql(lake, size, asked.repeats))
            lake.engine.disconnect()
            say(f"{size:,}: guanjia tags --whole")
            commands[size], peak = command("tags", "--as-of", str(AS_OF), "--whole")
        tags = len(catalogue())
        lines += [
            Measured(f"{size:,}: {tags} tags, the command", "s", commands[size]),
            Measured(f"{size:,}: its memory", "GiB", peak, at_most=LARGEST_MEMORY_GIB),
        ]
    for less, more in pairwise(commands):
        exponent = log(commands[more] / commands[less]) / log(more / less)
        what = f"{less:,} to {more:,}: exponent"
        lines.append(Measured(what, "", exponent, at_most=LARGEST_EXPONENT))
    return finish("tags", list(commands), lines, asked.json)


def against_sql(lake: Lake, size: int, repeats: int) -> Measured:
    """Sixty tags by the catalogue and by the peer, equal, then timed."""
    query = by_hand(lake)
    theirs: pa.Table = lake.con.sql(query).arrow().read_all()
    tags = [catalogue()[name] for name in theirs.column_names if name != "customer_id"]
    agree(snapshot(lake, tags), theirs)
    say(f"{len(tags)} tags of {len(theirs):,} customers agree in every value")
    del theirs
    ours, peer = alternate(
        lambda: seconds(lambda: snapshot(lake, tags)),
        lambda: seconds(lambda: lake.con.sql(query).arrow().read_all()),
        repeats,
    )
    return compared(f"{size:,}: {TAGS} tags, SQL by hand", "s", ours, peer, at_most=LIMIT)


def command(*words: str) -> tuple[float, float]:
    """Run `guanjia` in a process of its own: seconds it took, GiB of memory it held at most."""
    code = "from guanjia.cli import main; main()"
    began = time.perf_counter()
    with subprocess.Popen([sys.executable, "-c", code, *words], stdout=sys.stderr) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    took = time.perf_counter() - began
    if process.returncode:
        raise SystemExit(f"guanjia {' '.join(words)} failed")
    return took, used.ru_maxrss / 2**20


def snapshot(lake: Lake, tags: Sequence[Tag]) -> pa.Table:
    """These tags of every customer, by the steps of `features.snapshots.compute.write_snapshot`."""
    spine = spine_of_customers(lake, [AS_OF])
    with group_queries(lake, spine, quiet, chosen={"sixty": tags}) as queries:
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
