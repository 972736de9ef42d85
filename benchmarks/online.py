"""The online store: ours against the SQLite store that comes with Feast.

Loading: `features.store.materialize` of a whole snapshot into an empty database, from reading the
tag files to the last commit, registry included; against Feast's own `SqliteOnlineStore` writing the
same rows of at most 2,000 customers into an empty database, from the Arrow table through
`feast.utils._convert_arrow_to_proto` to the last commit. Both per row, a row being one customer in
one view; the ratio says how many times faster ours is. Feast's writing alone, without converting,
is reported too.

Size: bytes a customer of the database file, scaled to 70 tags. Reading: `features.store.online` of
the tags of one model, milliseconds, without a limit.
"""

import sys
import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

import pyarrow.parquet as pq
from feast import ValueType
from feast.infra.online_stores.sqlite import SqliteOnlineStore
from feast.repo_config import RepoConfig
from feast.utils import _convert_arrow_to_proto

from features import store, tagging
from features.lake import Lake
from features.services import SERVICES
from features.tags.catalogue import catalogue, groups
from features.views import feature_views
from measuring import Measured, alternate, arguments, compared, finish, insurer, say, seconds

AS_OF = date(2026, 6, 30)
MODEL = "churn"
FASTER, BYTES, TAGS = 10.0, 1_500.0, 70
FEAST_CUSTOMERS = 2_000
READS = 50


def main() -> int:
    """Load, weigh and read."""
    asked = arguments(__doc__ or "", customers=20_000, repeats=3)
    with insurer(asked) as lake, tempfile.TemporaryDirectory(prefix="guanjia-feast-") as scratch:
        if not (lake.home / "snapshots" / f"{AS_OF}.json").exists():
            say("writing the snapshot")
            tagging.write_snapshot(lake, [AS_OF])
        theirs = Feast(lake, Path(scratch), FEAST_CUSTOMERS)
        rows = store.materialize(lake, AS_OF).rows
        customers = max(rows.values())
        ours, peer = [], []
        writing: list[float] = []

        def load_ours() -> None:
            empty(lake)
            ours.append(seconds(lambda: store.materialize(lake, AS_OF)) / sum(rows.values()))

        def load_theirs() -> None:
            whole, alone = theirs.load()
            peer.append(whole / theirs.rows)
            writing.append(alone / theirs.rows)

        alternate(load_ours, load_theirs, asked.repeats)
        # The first round of each warmed up.
        ours, peer, writing = ours[1:], peer[1:], writing[1:]
        scale = TAGS / len(catalogue())
        mine, feasts = weigh(database(lake)) / customers, weigh(theirs.path) / theirs.customers
        say("reading")
        ids = pq.read_table(theirs.file("loyalty"), columns=["customer_id"], partitioning=None)
        lines = [
            compared("load, Feast's SqliteOnlineStore", "rows/s", [1 / s for s in ours],
                     [1 / s for s in peer], at_least=FASTER),
            compared("load, its writing alone", "rows/s", [1 / s for s in ours],
                     [1 / s for s in writing]),
            Measured(f"size of {TAGS} tags, the same", "B/customer", mine * scale, feasts * scale,
                     at_most=BYTES),
            *(read(lake, ids["customer_id"].to_pylist(), size) for size in (1, 100)),
        ]  # fmt: skip
    return finish("online", customers, lines, asked.json)


class Feast:
    """Feast's own SQLite store, given the first customers of each view's snapshot."""

    def __init__(self, lake: Lake, folder: Path, customers: int) -> None:
        self.lake = lake
        self.path = folder / "online.db"
        self.views = feature_views(lake.home, groups())
        self.tables = [
            pq.read_table(self.file(view.name), partitioning=None)
            .slice(0, customers)
            .combine_chunks()
            for view in self.views
        ]
        self.customers = len(self.tables[0])
        self.rows = self.customers * len(self.views)
        self.config = RepoConfig(
            project="guanjia",
            provider="local",
            registry=str(folder / "registry.db"),
            online_store={"type": "sqlite", "path": str(self.path)},
            entity_key_serialization_version=3,
        )

    def file(self, view: str) -> Path:
        """The snapshot's file of a view."""
        return self.lake.tags(view) / f"as_of={AS_OF}.parquet"

    def load(self) -> tuple[float, float]:
        """Seconds to convert and write into an empty database, and to write alone."""
        for old in self.path.parent.glob("online.db*"):
            old.unlink()
        online: Any = SqliteOnlineStore()
        online.update(self.config, [], self.views, [], [], False)
        whole = alone = 0.0
        for view, table in zip(self.views, self.tables, strict=True):
            rows: list[Any] = []

            def convert(view: Any = view, table: Any = table, rows: list[Any] = rows) -> None:
                keys = {"customer_id": ValueType.STRING}
                rows += _convert_arrow_to_proto(table, view, keys)

            def write(view: Any = view, rows: list[Any] = rows) -> None:
                online.online_write_batch(self.config, view, rows, None)

            whole += seconds(convert)
            writing = seconds(write)
            whole += writing
            alone += writing
        online.teardown(self.config, [], []) if False else online._get_conn(self.config).close()
        return whole, alone


def database(lake: Lake) -> Path:
    """Our database file."""
    return lake.home / "feast" / "online.db"


def empty(lake: Lake) -> None:
    """Delete our database."""
    if database(lake).exists():
        opened: Any = store._store(lake)
        opened._get_provider().online_store.teardown(opened.config, [], [])


def weigh(path: Path) -> int:
    """Bytes of a database, its log included."""
    return sum(file.stat().st_size for file in path.parent.glob(f"{path.name}*"))


def read(lake: Lake, ids: Sequence[str], size: int) -> Measured:
    """Milliseconds to read the tags of one model for some customers at a time."""
    some = [list(ids[start : start + size]) for start in range(0, size * READS, size)]
    some = [chosen for chosen in some if len(chosen) == size]
    store.online(lake, some[0], MODEL)
    taken = [seconds(lambda chosen=chosen: store.online(lake, chosen, MODEL)) for chosen in some]
    tags = len(SERVICES[MODEL])
    return Measured(f"read {size} customers, {tags} tags", "ms", median(taken) * 1000)


if __name__ == "__main__":
    sys.exit(main())
