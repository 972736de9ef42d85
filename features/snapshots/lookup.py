"""Tags of a few customers from the files of the latest snapshot, where the online store is away.

Slower than the online store (tens of milliseconds) and as old as the snapshot: what events changed
since then is not in it.
"""

import threading
from collections.abc import Sequence
from datetime import date
from typing import Any

import duckdb

from features.errors import GuanjiaError
from features.lake import Lake
from features.settings import cutoff
from features.snapshots.snapshots import read_snapshot, snapshot_dates
from features.snapshots.tag_columns import snapshot_files
from features.sql import sql_text
from features.tags.catalogue import groups

THREADS = 1


class SnapshotLookup:
    """Looks tags up in the latest snapshot; threads share it."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._engine = duckdb.connect(config={"threads": THREADS})
        self._lock = threading.Lock()
        self._places: dict[date, dict[str, str]] = {}
        self._tried: date | None = None

    def read(self, customer_ids: Sequence[str], tags: Sequence[str]) -> list[dict[str, Any]]:
        """The same rows as `features.online.reader.TagReader.read`.

        Raises
        ------
        GuanjiaError
            If there is no snapshot, or its files are not those it describes.
        """
        day = self._latest()
        with self._lock:
            places = self._files(day)
            values: dict[str, dict[str, Any]] = {}
            for path in dict.fromkeys(places[tag] for tag in tags):
                names = [tag for tag in tags if places[tag] == path]
                for row in self._rows(path, names, customer_ids):
                    values.setdefault(row.pop("customer_id"), {}).update(row)
        at = cutoff(day, self._lake.settings.timezone)
        nothing = dict.fromkeys(tags)
        return [
            {
                "customer_id": one,
                "known": one in values,
                "freshness": at if one in values else None,
                "as_of": day if one in values else None,
                **nothing,
                **values.get(one, {}),
            }
            for one in customer_ids
        ]

    def get_ready(self) -> None:
        """Have the files of the latest snapshot at hand: of millions, hashing them takes seconds.

        Each snapshot is tried once; what is wrong with it, `read` says again.

        Raises
        ------
        GuanjiaError
            If there is no snapshot, or its files are not those it describes.
        """
        day = self._latest()
        if day != self._tried:
            self._tried = day
            with self._lock:
                self._files(day)

    def _files(self, day: date) -> dict[str, str]:
        """The file of each tag."""
        if day not in self._places:
            # Held against their hashes once: they are replaced, and never changed.
            every = [tag for group in groups().values() for tag in group.tags]
            files = snapshot_files(self._lake, read_snapshot(self._lake, day), every)
            self._places = {
                day: {tag: str(path) for path, names in files.values() for tag in names}
            }
        return self._places[day]

    def _rows(self, path: str, tags: Sequence[str], ids: Sequence[str]) -> list[dict[str, Any]]:
        columns = ", ".join(f'"{tag}"' for tag in tags)
        found = self._engine.execute(
            f"SELECT customer_id, {columns} FROM read_parquet({sql_text(path)})"
            " WHERE customer_id IN (SELECT unnest(?::VARCHAR[]))",
            [list(ids)],
        )
        names = [column[0] for column in found.description or []]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def _latest(self) -> date:
        days = snapshot_dates(self._lake)
        if not days:
            raise GuanjiaError("tags", "have no snapshot", "run `guanjia tags`")
        return max(days)
