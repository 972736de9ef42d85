"""Who is due for which touchpoint (`serving.touchpoints.triggers`), against SQL by hand.

Ours is the whole step: the catalogue read, its conditions compiled, tag files hashed and read side
by side, every touchpoint found, contacts made left out, the file published. The peer is the shipped
catalogue written as SQL by hand, from the same tag files and contacts to a file with the same
pairs, days and channels, on the same connection; it checks no hash, and says neither reason nor
service. Before anything is timed, both must give the same rows. The date is the eve of a holiday,
so that everybody with cover is due for something, and lies before the end of the history.

Ours may take 2 x: it reads the catalogue and compiles its conditions, plans every touchpoint anew
for each hundred thousand customers, so that memory does not grow with them, writes a reason for
every pair, and looks for pairs that two warnings of the weather would give twice. What counts for
operations is the second limit, 60 seconds a million customers, measured on the same snapshot and
contacts repeated `--copies` times under other numbers: as many rows as a real one, but no other
distribution. `--customers 1000000 --copies 1` simulates them all.
"""

import argparse
import json
import sys
import tempfile
from datetime import date, timedelta
from pathlib import Path
from statistics import median

import pyarrow.parquet as pq
from measuring import (
    Measured,
    alternate,
    arguments,
    compared,
    finish,
    insurer,
    say,
    seconds,
    snapshot,
)

from features.lake import Lake, sha256_of
from features.settings import Settings, cutoff
from features.snapshots.snapshots import manifest_path, read_snapshot
from serving.touchpoints.triggers import find_due

AS_OF = date(2026, 6, 18)
LIMIT = 2.0
SECONDS_A_MILLION = 60.0
SAME = ["customer_id", "touchpoint", "due_on", "window_end", "channels", "star"]


def main() -> int:
    """Verify that both agree, measure, then measure ours on the copies."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--copies", type=int, default=10)
    own, sys.argv[1:] = parser.parse_known_args()
    asked = arguments(__doc__ or "", customers=100_000, repeats=5)
    with insurer(asked) as lake, tempfile.TemporaryDirectory() as scratch:
        snapshot(lake, AS_OF)
        out = Path(scratch) / "by_hand.parquet"
        query = by_hand(lake, out)
        pairs = agree(lake, query, out)
        ours, peer = alternate(
            lambda: seconds(lambda: find_due(lake, AS_OF)),
            lambda: seconds(lambda: lake.con.execute(query)),
            asked.repeats,
        )
        lines = [compared(f"{pairs:,} pairs, SQL by hand", "s", ours, peer, at_most=LIMIT)]
        say(f"repeating the snapshot {own.copies} times")
        many = repeated(lake, Path(scratch) / "many", own.copies)
        lake.engine.disconnect()
        taken = median(seconds(lambda: find_due(many, AS_OF)) for _ in range(3))
        customers = asked.customers * own.copies
        what = f"{customers:,} customers, a million take"
        lines.append(Measured(what, "s", taken * 1_000_000 / customers, at_most=SECONDS_A_MILLION))
    return finish("triggers", asked.customers, lines, asked.json)


def by_hand(lake: Lake, out: Path) -> str:
    """The peer's SQL with this lake's files and the date filled in."""
    text = (Path(__file__).parent / "triggers.sql").read_text(encoding="utf-8")
    files = {
        group: str(lake.home / file["path"]).replace("'", "''")
        for group, file in read_snapshot(lake, AS_OF).files.items()
    }
    return text.format(
        as_of=AS_OF,
        day=f"DATE '{AS_OF + timedelta(1)}'",
        cutoff=f"TIMESTAMPTZ '{cutoff(AS_OF, lake.settings.timezone).isoformat()}'",
        interactions=str(lake.checked("interactions")).replace("'", "''"),
        out=str(out).replace("'", "''"),
        **files,
    )


def agree(lake: Lake, query: str, out: Path) -> int:
    """Every pair with its days, channels and star is the same; how many there are."""
    lake.con.execute(query)
    theirs = pq.read_table(out)
    found = find_due(lake, AS_OF)
    mine = pq.read_table(found.path, columns=SAME, partitioning=None)
    order = [("customer_id", "ascending"), ("touchpoint", "ascending")]
    assert mine.sort_by(order).equals(theirs.select(SAME).sort_by(order)), "other rows"
    touchpoints = {one.touchpoint for one in found.counts}
    say(f"{len(theirs):,} pairs of {len(touchpoints)} touchpoints agree")
    return len(theirs)


def repeated(lake: Lake, home: Path, copies: int) -> Lake:
    """A home with the snapshot and the contacts so many times, customers under other numbers."""
    told = json.loads(manifest_path(lake, AS_OF).read_text(encoding="utf-8"))
    for entry in told["files"].values():
        copy(lake, lake.home / entry["path"], home / entry["path"], copies)
        entry["sha256"] = sha256_of(home / entry["path"])
    many = Lake(Settings(home=home))
    copy(lake, lake.checked("interactions"), many.checked("interactions"), copies)
    manifest_path(many, AS_OF).parent.mkdir(parents=True)
    told["customers"] *= copies
    manifest_path(many, AS_OF).write_text(json.dumps(told), encoding="utf-8")
    return many


def copy(lake: Lake, source: Path, target: Path, copies: int) -> None:
    """The rows of a file so many times, ordered by customer within each."""
    target.parent.mkdir(parents=True, exist_ok=True)
    lake.con.execute(
        f"COPY (SELECT * REPLACE (customer_id || '-' || n AS customer_id) FROM '{source}', "
        f"range({copies}) AS r(n) ORDER BY n, customer_id) TO '{target}' (FORMAT parquet)"
    )


if __name__ == "__main__":
    sys.exit(main())
