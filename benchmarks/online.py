"""The online store: ours against the SQLite store that comes with Feast.

Loading: `features.online.feast_client.materialize` of a whole snapshot into an empty database,
from the registry and the tag files to the last commit; against `online_write_batch` of Feast's own
`SqliteOnlineStore`, writing the same rows of at most 2,000 customers into an empty database. Making
Feast's rows from the files (`feast.utils._convert_arrow_to_proto`) is not counted against it. Both
in rows a second, a row being one customer in one view; the ratio says how much faster ours is.

Size: bytes a customer of the database and its log, scaled to 70 tags. Reading:
`features.online.reader.read_tags` of the tags of one model, milliseconds, without a limit.
"""

import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from statistics import median
from typing import Any

import pyarrow.parquet as pq
from feast import ValueType
from feast.infra.online_stores.sqlite import SqliteOnlineStore
from feast.repo_config import RepoConfig
from feast.utils import _convert_arrow_to_proto
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

from features.lake import Lake
from features.online import feast_client
from features.online.model_tags import CHURN_TAGS
from features.online.reader import read_tags
from features.online.store import online_rows
from features.online.views import feature_views
from features.tags.catalogue import catalogue, groups

AS_OF = date(2026, 6, 30)
NOW = datetime(2026, 7, 1, tzinfo=UTC)
FASTER, BYTES, TAGS = 10.0, 1_500.0, 70
FEAST_CUSTOMERS = 2_000
READS = 50


def main() -> int:
    """Load, weigh and read."""
    asked = arguments(__doc__ or "", customers=20_000, repeats=3)
    with insurer(asked) as lake, tempfile.TemporaryDirectory(prefix="guanjia-feast-") as scratch:
        snapshot(lake, AS_OF)
        say(f"converting the rows of {FEAST_CUSTOMERS:,} customers for Feast")
        feast = Feast(lake, Path(scratch))
        ours, peer = alternate(lambda: load(lake), feast.load, asked.repeats)
        ids = pq.read_table(file(lake, "loyalty"), columns=["customer_id"], partitioning=None)
        customers = ids["customer_id"].to_pylist()
        scale = TAGS / len(catalogue())
        mine = weigh(lake.home / "feast" / "online.db") / len(customers) * scale
        theirs = weigh(feast.path) / feast.customers * scale
        say("reading")
        lines = [
            compared("load, Feast's SqliteOnlineStore", "rows/s", ours, peer, at_least=FASTER),
            Measured(f"size of {TAGS} tags, the same", "B/customer", mine, theirs, at_most=BYTES),
            *(read(lake, customers, size) for size in (1, 100)),
        ]
    return finish("online", len(customers), lines, asked.json)


def load(lake: Lake) -> float:
    """Rows a second of `materialize` into an empty database."""
    if (lake.home / "feast" / "online.db").exists():
        online_rows(lake).drop_all()
    rows: list[int] = []
    taken = seconds(
        lambda: rows.extend(feast_client.materialize(lake, AS_OF, now=NOW).rows.values())
    )
    return sum(rows) / taken


class Feast:
    """Feast's own SQLite store, and the rows of the snapshot's first customers as it takes them."""

    def __init__(self, lake: Lake, folder: Path) -> None:
        self.path = folder / "online.db"
        self.config = RepoConfig(
            project="guanjia",
            provider="local",
            registry=str(folder / "registry.db"),
            online_store={"type": "sqlite", "path": str(self.path)},
            entity_key_serialization_version=3,
        )
        self.batches: list[tuple[Any, list[Any]]] = []
        for view in feature_views(lake.home, groups()):
            table = pq.read_table(file(lake, view.name), partitioning=None)
            table = table.slice(0, FEAST_CUSTOMERS).combine_chunks()
            rows = _convert_arrow_to_proto(table, view, {"customer_id": ValueType.STRING})
            self.batches.append((view, rows))
        self.customers = len(self.batches[0][1])

    def load(self) -> float:
        """Rows a second of `online_write_batch` into an empty database."""
        self.path.unlink(missing_ok=True)
        online: Any = SqliteOnlineStore()
        online.update(self.config, [], [view for view, _ in self.batches], [], [], False)
        taken = 0.0
        for view, rows in self.batches:
            taken += seconds(
                lambda view=view, rows=rows: online.online_write_batch(
                    self.config, view, rows, None
                )
            )
        online._get_conn(self.config).close()
        return sum(len(rows) for _, rows in self.batches) / taken


def file(lake: Lake, view: str) -> Path:
    """The snapshot's file of a view."""
    return lake.tags(view) / f"as_of={AS_OF}.parquet"


def weigh(path: Path) -> int:
    """Bytes of a database, its log included."""
    return sum(part.stat().st_size for part in path.parent.glob(f"{path.name}*"))


def read(lake: Lake, customers: Sequence[str], size: int) -> Measured:
    """Milliseconds to read the tags of one model for `size` customers at a time."""
    some = [list(customers[start : start + size]) for start in range(0, size * READS, size)]
    read_tags(lake, some[0], CHURN_TAGS.tags)
    taken = [seconds(lambda ids=ids: read_tags(lake, ids, CHURN_TAGS.tags)) for ids in some if ids]
    tags = len(CHURN_TAGS.tags)
    return Measured(f"read {tags} tags, customers: {size}", "ms", median(taken) * 1000)


if __name__ == "__main__":
    sys.exit(main())
