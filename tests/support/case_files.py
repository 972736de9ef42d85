"""What `guanjia check` said of a case of `tests/cases`, and the instant at which it is checked."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

NOW = "2026-07-01T09:00+08:00"


@dataclass(frozen=True)
class Checked:
    """What `guanjia check --json` said of a case."""

    home: Path
    code: int
    error: dict[str, str] = field(default_factory=dict)
    tables: dict[str, dict[str, Any]] = field(default_factory=dict)
    unused: list[dict[str, str]] = field(default_factory=list)

    def counts(self, table: str) -> tuple[int, int, int, int]:
        """Rows delivered, good, in quarantine and dropped as repeats."""
        counted = self.tables[table]
        return counted["rows"], counted["good"], counted["bad"], counted["repeated"]

    def rows(self, table: str, *columns: str) -> list[tuple[Any, ...]]:
        """Columns of the good rows, in the order of the file."""
        read = pq.read_table(self.home / "checked" / f"{table}.parquet", partitioning=None)
        return [tuple(row[name] for name in columns) for row in read.to_pylist()]
