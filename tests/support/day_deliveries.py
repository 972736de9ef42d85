"""An insurer whose tables are known, delivered day by day as dumps and increments in CSV.

The headings are the columns of the contracts, so that nothing is tested but the days.
"""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import ibis
import pyarrow as pa
import pyarrow.parquet as pq

from features.contracts.tables import CONTRACTS
from features.settings import cutoff

Row = dict[str, Any]
ZONE = "Asia/Shanghai"


def end_of(day: date) -> datetime:
    """The last second of a day of the insurer: when its delivery is made."""
    return cutoff(day, ZONE) - timedelta(seconds=1)


def during(day: date, hour: int = 12) -> datetime:
    """An hour of a day of the insurer."""
    return datetime(day.year, day.month, day.day, hour, tzinfo=ZoneInfo(ZONE)).astimezone(UTC)


def state_at(table: str, rows: Iterable[Row], instant: datetime) -> dict[str, Row]:
    """The rows of a table as they are known before an instant, by key, without `recorded_at`."""
    contract = CONTRACTS[table]
    milestones = set(contract.milestones)
    latest: dict[str, Row] = {}
    for row in sorted(rows, key=lambda row: row["recorded_at"]):
        if row["recorded_at"] < instant:
            latest[row[contract.key]] = row
    return {
        key: {
            name: None if name in milestones and value is not None and value >= instant else value
            for name, value in row.items()
            if name != "recorded_at"
        }
        for key, row in latest.items()
    }


def cell(value: Any) -> str:
    """One cell of a file: instants in the insurer's time, to the microsecond."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, datetime):
        return value.astimezone(ZoneInfo(ZONE)).strftime("%Y-%m-%d %H:%M:%S.%f")
    return str(value)


def write_raw(home: Path, tables: Mapping[str, Iterable[Row]]) -> None:
    """Write raw tables as they are."""
    for name, rows in tables.items():
        schema = ibis.schema(CONTRACTS[name].columns).to_pyarrow()
        folder = home / "raw" / name
        folder.mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), folder / "part-0.parquet")


def read_raw(home: Path) -> dict[str, list[Row]]:
    """All rows of the raw tables that hold any."""
    tables = {}
    for name in CONTRACTS:
        files = sorted((home / "raw" / name).glob("*.parquet"))
        rows = [row for file in files for row in pq.read_table(file).to_pylist()]
        columns = CONTRACTS[name].columns
        floats = {column for column, type_ in columns.items() if type_.is_floating()}
        if rows:
            tables[name] = [
                {c: _six_places(row[c]) if c in floats else row[c] for c in columns} for row in rows
            ]
    return tables


def _six_places(value: float | None) -> float | None:
    """A number as a file tells it."""
    return None if value is None else round(value, 6)


@dataclass
class Insurer:
    """True tables, and how they are delivered.

    Attributes
    ----------
    tables : mapping of str to list of dict
        Every version of every row.
    folder : Path
        Where the mapping and the deliveries are written.
    increments : collection of str
        Tables of which a day's file holds what changed.
    hidden : mapping of str to (table, first day, last day)
        Keys that a dump does not hold on these days.
    settings : mapping of str to str
        Table -> further lines of its part of the mapping.
    """

    tables: dict[str, list[Row]]
    folder: Path
    increments: frozenset[str]
    hidden: dict[str, tuple[str, date, date]] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def mapping(self) -> Path:
        """The mapping's file."""
        return self.folder / "mapping.toml"

    def write_mapping(self) -> None:
        """Write the mapping of all tables."""
        lines = ['folder = "today"']
        for name in self.tables:
            columns = [c for c in CONTRACTS[name].columns if c != "recorded_at"]
            listed = ", ".join(f'"{c}"' for c in columns)
            kind = "increment" if name in self.increments else "dump"
            lines += [f"[sources.{name}]", f'files = ["{name}_*.csv"]', 'kind = "text"',
                      "heading_row = 2", f"columns = [{listed}]", f'delivery = "{kind}"',
                      "[[tables]]", f'name = "{name}"', f'source = "{name}"',
                      self.settings.get(name, ""), "[tables.columns]",
                      *(f'{c} = {{from = "{c}"}}' for c in columns)]  # fmt: skip
        self.folder.mkdir(parents=True, exist_ok=True)
        self.mapping.write_text("\n".join(lines), "utf-8")

    def rows_of(self, table: str, day: date, first: date) -> list[Row]:
        """The rows of a day's file: all of a dump and of the first day, else what changed."""
        now = state_at(table, self.tables[table], cutoff(day, ZONE))
        if table in self.increments and day > first:
            before = state_at(table, self.tables[table], cutoff(day - timedelta(days=1), ZONE))
            return [row for key, row in now.items() if row != before.get(key)]
        hidden = {
            key for key, (name, begin, end) in self.hidden.items()
            if name == table and begin <= day <= end
        }  # fmt: skip
        return [row for key, row in now.items() if key not in hidden]

    def deliver(self, day: date, first: date, tables: Iterable[str], parts: int = 1) -> None:
        """Write the files of a day, each with a title that names it; no empty increment."""
        folder = self.folder / "today"
        folder.mkdir(exist_ok=True)
        for name in tables:
            rows = self.rows_of(name, day, first)
            if not rows and name in self.increments:
                continue
            columns = [c for c in CONTRACTS[name].columns if c != "recorded_at"]
            for part in range(parts):
                path = folder / f"{name}_{day:%Y%m%d}_{part}.csv"
                with path.open("w", encoding="utf-8", newline="") as stream:
                    stream.write(f"{name} {day}\n")
                    writer = csv.writer(stream, lineterminator="\n")
                    writer.writerow(columns)
                    writer.writerows([cell(row[c]) for c in columns] for row in rows[part::parts])

    def clear(self) -> None:
        """Take the files of the day away."""
        for path in (self.folder / "today").glob("*.csv"):
            path.unlink()
