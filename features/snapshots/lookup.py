"""Read tags of a few customers from the latest snapshot while the online store does not answer.

It is slower than the online store (tens of milliseconds) and as old as the snapshot: changes by
later events are not in it.
"""

import logging
import threading
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from features.errors import GuanjiaError
from features.lake import Lake
from features.progress_bar import hide_progress_bar
from features.settings import cutoff
from features.snapshots.snapshots import manifest_path, read_snapshot, snapshot_dates
from features.snapshots.tag_columns import snapshot_files, stored_tags
from features.sql import sql_text
from features.tags.catalogue import catalogue, groups

logger = logging.getLogger(__name__)

THREADS = 1
LATER_TAGS = frozenset({"latest_consents"})
"""Tags of later releases that who reads them can do without, as in rows of the online store."""


class SnapshotLookup:
    """Look tags up in the files of the latest snapshot; threads may share it."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._engine = duckdb.connect(config={"threads": THREADS})
        hide_progress_bar(self._engine)
        self._lock = threading.Lock()
        self._places: dict[Path, dict[str, str]] = {}
        self._tried: Path | None = None

    def read(self, customer_ids: Sequence[str], tags: Sequence[str]) -> list[dict[str, Any]]:
        """Read tags of customers, as rows like those of `features.online.reader.TagReader.read`.

        Raises
        ------
        GuanjiaError
            If there is no snapshot, its files are not those it describes, or it lacks a tag that is
            not in `LATER_TAGS`.
        """
        day = self._latest()
        with self._lock:
            places = self._files(day)
            values: dict[str, dict[str, Any]] = {}
            absent = {tag for tag in tags if tag not in places}
            if required := absent - LATER_TAGS:
                cure = f"run `guanjia tags --as-of {day}` again"
                raise GuanjiaError(f"snapshot of {day}", f"lacks tag {min(required)}", cure)
            for path in dict.fromkeys(places[tag] for tag in tags if tag not in absent):
                names = [tag for tag in tags if places.get(tag) == path]
                for row in self._rows(path, names, customer_ids):
                    values.setdefault(row.pop("customer_id"), {}).update(row)
        at = cutoff(day, self._lake.settings.timezone)
        nothing = dict.fromkeys(tags)
        return [
            {
                "customer_id": customer,
                "known": customer in values,
                "freshness": at if customer in values else None,
                "as_of": day if customer in values else None,
                "newer": {},
                **nothing,
                **values.get(customer, {}),
            }
            for customer in customer_ids
        ]

    def get_ready(self) -> None:
        """Verify the files of the latest snapshot ahead of the first `read`.

        Hashing the files of millions of customers takes seconds. Each snapshot is tried once; if
        it is damaged, `read` raises the same error again. A snapshot of an earlier release, which
        lacks tags of this one, is named in the log with the cure.

        Raises
        ------
        GuanjiaError
            If there is no snapshot, or its files are not those it describes.
        """
        day = self._latest()
        if (manifest := manifest_path(self._lake, day)) != self._tried:
            self._tried = manifest
            with self._lock:
                places = self._files(day)
            if absent := sorted(catalogue().keys() - places.keys()):
                logger.warning(
                    "snapshot of %s lacks %d tag(s) of this release (%s): run `guanjia tags --as-of"
                    " %s`, then `guanjia materialize`", day, len(absent), ", ".join(absent), day
                )  # fmt: skip

    def _files(self, day: date) -> dict[str, str]:
        """Map each tag to its file."""
        manifest = manifest_path(self._lake, day)
        if manifest not in self._places:
            # Verified once: files are replaced, never changed.
            snapshot = read_snapshot(self._lake, day)
            # A tag that was declared later is missed by who asks for it, and by nobody else.
            names = [
                tag
                for name, group in groups().items()
                for tag in stored_tags(self._lake, snapshot, name, list(group.tags))
            ]
            files = snapshot_files(self._lake, snapshot, names)
            self._places = {
                manifest: {tag: str(path) for path, names in files.values() for tag in names}
            }
        return self._places[manifest]

    def _rows(self, path: str, tags: Sequence[str], ids: Sequence[str]) -> list[dict[str, Any]]:
        columns = ", ".join(f'"{tag}"' for tag in tags)
        cursor = self._engine.execute(
            f"SELECT customer_id, {columns} FROM read_parquet({sql_text(path)})"
            " WHERE customer_id IN (SELECT unnest(?::VARCHAR[]))",
            [list(ids)],
        )
        names = [column[0] for column in cursor.description or []]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def _latest(self) -> date:
        days = snapshot_dates(self._lake)
        if not days:
            raise GuanjiaError(
                "tags",
                "have no snapshot",
                "run `guanjia tags`",
                chinese=("标签", "还没有任何一天的", "请运行人员先完成日批（guanjia daily）"),
            )
        return max(days)
