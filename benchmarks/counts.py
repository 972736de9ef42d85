"""Counts of conditions at a million customers, beside bare DuckDB on the same files.

A scored home of any size is expanded: customers are drawn from it with replacement, their numbers
jittered, and written as a snapshot with its scores. Conditions are drawn: two to six tests of tags
and scores in any of the eight files, joined by and, or, not, with segments among them. Each is
counted with all its parts, in milliseconds:

- first: the process has verified no file yet (hash, order of customers) and knows no truths;
- cold: files are verified, but their pages are dropped from memory, and no truths are known;
- new: files are in memory, no truths are known: a condition that nobody counted before;
- edited: one test of a known condition changed, as on a page with a live count.

Peer of "new": one query that joins the same Parquet files by customer, by DuckDB on a connection
that stays open, and counts the condition alone. Both must give the same number; they are compared
by processor time, which is steadier on a busy machine than the clock.

    python benchmarks/counts.py --source HOME --home FOLDER --customers 1000000
"""

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from statistics import median
from typing import NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from measuring import Measured, compared, finish, say

from features.condition_forms.condition import Condition, read_condition
from features.condition_forms.structure import Group, Member, Structure, Test, negate
from features.condition_forms.vocabulary import Vocabulary
from features.lake import Lake
from features.settings import Settings
from features.snapshots.group_files import group_file
from features.snapshots.snapshots import Drafts, read_snapshot, snapshot_dates
from serving.lists.conditions import truths
from serving.lists.conditions.counting import count
from serving.lists.conditions.vocabulary import list_vocabulary
from serving.lists.questions import readable_columns
from serving.predictions.scores_file import scores_path
from training.models import MODELS

BATCH = 50_000
SEED = 1
FEW = 20
"""Conditions that are counted from cold files."""
MOST_MS = 300
"""95th percentile of a new condition at a million customers."""


def main() -> int:
    """Expand the home, count drawn conditions, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--source", type=Path, required=True, help="a home that is scored")
    parser.add_argument("--home", type=Path, help="keep the expanded home here")
    parser.add_argument("--customers", type=int, default=1_000_000, help="of the expanded home")
    parser.add_argument("--conditions", type=int, default=100, help="how many are drawn")
    parser.add_argument("--json", type=Path, help="write the results to this file too")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="guanjia-bench-") as scratch:
        lake = Lake(Settings(home=asked.home or Path(scratch)))
        if not snapshot_dates(lake):
            expand(Lake(Settings(home=asked.source)), lake, asked.customers)
        lines = measure(lake, asked.conditions)
    return finish("counts", asked.customers, lines, asked.json)


def measure(lake: Lake, number: int) -> list[Measured]:
    """Measure counts of drawn conditions in every state of the caches."""
    day = snapshot_dates(lake)[-1]
    vocabulary = list_vocabulary(lake, readable_columns(), day)
    drawn = Conditions(lake, day, vocabulary)
    conditions = [drawn.condition() for _ in range(number)]
    peer = Peer(lake, day)

    def ours(condition: Condition) -> Turn:
        began, busy = time.perf_counter(), time.process_time()
        customers = count(lake, day, [condition]).conditions[0].customers
        return Turn(
            (time.perf_counter() - began) * 1_000, (time.process_time() - busy) * 1_000, customers
        )

    first, cold, new, busy, edited, theirs = [], [], [], [], [], []
    ours(conditions[0])  # the engine starts, and every file is hashed and its order read once
    for condition in conditions:
        truths.forget_truths()
        ours(condition)
    for place, condition in enumerate(conditions):
        read = time.perf_counter()
        read_condition(condition.chinese, vocabulary)
        parsing = (time.perf_counter() - read) * 1_000
        turns: list[Callable[[Condition], Turn]] = [ours, peer.count]
        results = {}
        for turn in turns if place % 2 else turns[::-1]:
            truths.forget_truths()
            results[turn] = turn(condition)
        if results[ours].customers != results[peer.count].customers:
            raise SystemExit(f"counts differ: {condition.plain}: {results}")
        new.append(results[ours].wall + parsing)
        busy.append(results[ours].processor)
        theirs.append(results[peer.count].processor)
        edited.append(ours(drawn.edited(condition)).wall)
        told = f"new {new[-1]:.0f} ms ({busy[-1]:.0f} of processor), edited {edited[-1]:.0f} ms"
        say(f"{place + 1} of {number}: {told}, peer {theirs[-1]:.0f} of processor")

    for condition in conditions[:FEW]:  # apart: they leave pages cold behind them
        drop_pages(lake, day)
        truths.forget_truths()
        cold.append(ours(condition).wall)
        truths.forget_truths()
        truths.forget_files()
        first.append(ours(condition).wall)

    def tail(values: list[float]) -> float:
        return float(np.percentile(values, 95))

    return [
        Measured("new, p95", "ms", tail(new), at_most=MOST_MS),
        Measured("new, median", "ms", median(new)),
        Measured("edited, p95", "ms", tail(edited), at_most=MOST_MS),
        Measured("cold, p95", "ms", tail(cold)),
        Measured("first of a process, p95", "ms", tail(first)),
        Measured("new, processor, p95", "ms", tail(busy), at_most=MOST_MS),
        Measured("peer, processor, p95", "ms", tail(theirs)),
        compared("new against a join, processor", "ms", busy, theirs, at_most=1),
    ]


class Turn(NamedTuple):
    """One count: milliseconds by the clock and of all processors, and the customers."""

    wall: float
    processor: float
    customers: int


class Conditions:
    """Draw conditions over the columns of a snapshot; the same ones every time."""

    def __init__(self, lake: Lake, day: date, vocabulary: Vocabulary) -> None:
        self.random = random.Random(SEED)
        self.vocabulary = vocabulary
        self.values: dict[str, list[float]] = {}
        files = [lake.data / file["path"] for file in read_snapshot(lake, day).files.values()]
        for path in [*files, scores_path(lake, day)]:
            head = pq.ParquetFile(path).read_row_group(0).slice(0, 2_000)
            for name, column in zip(head.column_names, head.columns, strict=True):
                known = [value for value in column.to_pylist() if value is not None]
                if known and isinstance(known[0], int | float) and name in vocabulary.columns:
                    self.values[name] = [float(value) for value in known]

    def test(self) -> Structure:
        """Draw a test of a tag or a score, or a member of a segment."""
        draw = self.random
        columns = self.vocabulary.columns
        if draw.random() < 0.15:
            return Member(draw.choice(sorted(self.vocabulary.segments)))
        if draw.random() < 0.25:
            name = draw.choice([name for name in MODELS if name in self.values])
        else:
            name = draw.choice(sorted(columns))
        column = columns[name]
        if column.codes and column.kind == "text":
            values = draw.sample(sorted(map(str, column.codes)), min(2, len(column.codes)))
            return Test(name, "in", tuple(values))
        if column.kind == "yes or no":
            return Test(name, "=", draw.random() < 0.5)
        if name not in self.values:
            return Test(name, "is not null")
        value = draw.choice(self.values[name])
        value = int(value) if value == int(value) else round(value, 3)
        return Test(name, draw.choice(["<", "<=", ">", ">="]), value)

    def condition(self, least: int = 2, most: int = 6) -> Condition:
        """Draw a condition of so many tests."""
        draw = self.random
        parts = [self.test() for _ in range(draw.randint(least, most))]
        while len(parts) > 1:
            taken = [parts.pop() for _ in range(min(len(parts), draw.randint(2, 3)))]
            group = Group(draw.choice(["all", "all", "any"]), tuple(taken))
            parts.insert(0, negate(group) if draw.random() < 0.1 else group)
        return Condition(parts[0], self.vocabulary)

    def edited(self, condition: Condition) -> Condition:
        """Add a test to a condition, as somebody does who builds one."""
        group = Group("all", (condition.structure, self.test()))
        return Condition(group, self.vocabulary)


class Peer:
    """Count by a join of the same files, on a connection that stays open."""

    def __init__(self, lake: Lake, day: date) -> None:
        self.engine = duckdb.connect(config={"threads": lake.settings.threads})
        self.engine.execute("SET enable_progress_bar = false")
        self.files: dict[str, Path] = {}
        for file in read_snapshot(lake, day).files.values():
            path = lake.data / file["path"]
            self.files |= dict.fromkeys(pq.read_schema(path).names, path)
        scores = scores_path(lake, day)
        self.files |= dict.fromkeys(pq.read_schema(scores).names, scores)

    def count(self, condition: Condition) -> Turn:
        """Measure the query."""
        columns: dict[Path, list[str]] = {}
        for name in condition.columns:
            columns.setdefault(self.files[name], []).append(f'"{name}"')
        parts = [
            f"(SELECT customer_id, {', '.join(names)} FROM read_parquet('{path}'))"
            for path, names in columns.items()
        ]
        joined = parts[0] + "".join(f" JOIN {part} USING (customer_id)" for part in parts[1:])
        query = f"SELECT count(*) FROM {joined} WHERE {condition.sql}"
        began, busy = time.perf_counter(), time.process_time()
        row = self.engine.execute(query).fetchone()
        wall, processor = time.perf_counter() - began, time.process_time() - busy
        return Turn(wall * 1_000, processor * 1_000, row[0] if row else 0)


def expand(source: Lake, target: Lake, customers: int) -> None:
    """Write a snapshot and its scores of drawn and jittered customers of another home."""
    day = snapshot_dates(source)[-1]
    draw = np.random.default_rng(SEED)
    snapshot = read_snapshot(source, day)
    taken = draw.integers(0, snapshot.customers, customers)
    drafts = Drafts(target, day)
    for group, file in snapshot.files.items():
        say(f"expanding {group}")
        table = pq.read_table(source.data / file["path"])
        with group_file(drafts.group(group), group) as out:
            for start in range(0, customers, BATCH):
                part = table.take(pa.array(taken[start : start + BATCH]))
                out.write(jittered(part, start, draw).to_batches())
    made = drafts.publish(customers)
    table, path = pq.read_table(scores_path(source, day)), scores_path(target, day)
    path.parent.mkdir(parents=True, exist_ok=True)
    with pq.ParquetWriter(path, table.schema) as writer:
        for start in range(0, customers, BATCH):
            part = jittered(table.take(pa.array(taken[start : start + BATCH])), start, draw)
            place = part.schema.get_field_index("snapshot_id")
            ids = pa.array([made.snapshot_id] * len(part))
            writer.write_table(part.set_column(place, "snapshot_id", ids))


def jittered(table: pa.Table, start: int, draw: np.random.Generator) -> pa.Table:
    """Give customers ids of their own, and move their floating-point numbers by about 5%."""
    ids = pa.array([f"C{start + place:09}" for place in range(len(table))])
    table = table.set_column(table.schema.get_field_index("customer_id"), "customer_id", ids)
    for place, field in enumerate(table.schema):
        if pa.types.is_floating(field.type):
            numbers = table.column(place).combine_chunks().to_numpy(zero_copy_only=False)
            moved = numbers * draw.normal(1, 0.05, len(numbers))
            table = table.set_column(
                place, field, pa.array(moved.round(4), field.type, from_pandas=True)
            )
    return table


def drop_pages(lake: Lake, day: date) -> None:
    """Let the system forget the pages of the snapshot and of the scores."""
    files = [lake.data / file["path"] for file in read_snapshot(lake, day).files.values()]
    for path in [*files, scores_path(lake, day)]:
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


if __name__ == "__main__":
    sys.exit(main())
