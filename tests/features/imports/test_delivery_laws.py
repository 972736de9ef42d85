"""Laws of deliveries, on tiny insurers: what is known since when, and that every row is counted."""

import shutil
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from features.imports.run import Delivery, run
from features.lake import Lake
from features.settings import Settings

MAPPING = """\
folder = "today"
[sources.policies]
files = ["policies*.csv"]
kind = "text"
heading_row = 2
columns = ["policy_id", "signed", "premium"]
[sources.quotes]
files = ["quotes*.csv"]
kind = "text"
heading_row = 2
columns = ["quote_id", "premium", "quoted"]
delivery = "increment"
[[tables]]
name = "policies"
source = "policies"
vanished = "end"
least_rows = 0
drift = "take"
[tables.columns]
policy_id = {from = "policy_id"}
customer_id = {value = "C1"}
line = {value = "household"}
signed_at = {from = "signed"}
inception = {value = "2026-01-01"}
expiry = {value = "2027-01-01"}
written_premium = {from = "premium"}
[[tables]]
name = "quotes"
source = "quotes"
drift = "take"
[tables.columns]
quote_id = {from = "quote_id"}
customer_id = {value = "C1"}
line = {value = "household"}
quoted_at = {from = "quoted"}
premium = {from = "premium"}
"""
SIGNED = datetime(2026, 1, 1, 4, tzinfo=UTC)
KEYS = ("A", "B", "C")
PREMIUMS = st.sampled_from((None, 100, 200))
"""None: the row is not delivered."""
ROWS = st.fixed_dictionaries(dict.fromkeys(KEYS, PREMIUMS))


@dataclass(frozen=True)
class Day:
    """What is delivered of a day.

    Attributes
    ----------
    policies, quotes : dict of str to int or None
        Key -> premium.
    late : bool
        True if the quotes come after those of the next day.
    again : bool
        True if all is delivered twice.
    repeated, unread : bool
        True if the file of quotes has a row twice, and one that cannot be read.
    """

    policies: dict[str, int | None]
    quotes: dict[str, int | None]
    late: bool
    again: bool
    repeated: bool
    unread: bool


DAYS = st.lists(
    st.builds(Day, ROWS, ROWS, st.booleans(), st.booleans(), st.booleans(), st.booleans()),
    min_size=2,
    max_size=4,
)
Version = tuple[str, int, date | None, datetime]


@dataclass
class Known:
    """What should be known: the rules, row by row.

    Attributes
    ----------
    versions : dict of str to list of Version
        Table -> key, premium, day of cancellation, since when.
    last : datetime or None
        Since when the rows of the latest delivery are known.
    """

    versions: dict[str, list[Version]] = field(
        default_factory=lambda: {"policies": [], "quotes": []}
    )
    last: datetime | None = None

    def take(self, table: str, rows: dict[str, int], at: datetime) -> None:
        """Take the rows of a delivery made at an instant."""
        versions = self.versions[table]
        late = self.last is not None and at < self.last
        recorded = self.last + timedelta(seconds=1) if late and self.last else at
        first = not versions
        for key, premium in rows.items():
            theirs = [version for version in versions if version[0] == key]
            if theirs and (theirs[-1][1:3] == (premium, None) or (late and theirs[-1][3] > at)):
                continue
            versions.append((key, premium, None, SIGNED if first else recorded))
        if table == "policies" and not first:
            latest = {version[0]: version for version in versions}
            for key, premium, cancelled, _ in latest.values():
                if key not in rows and cancelled is None:
                    versions.append((key, premium, at.date(), recorded))


def end_of(number: int) -> datetime:
    """The end of a day of June 2026 in China."""
    return datetime(2026, 6, 1 + number, 15, 59, 59, tzinfo=UTC)


def write(folder: Path, number: int, day: Day, *, policies: bool, quotes: bool) -> dict[str, int]:
    """Write the files of a day, which name it; return the number of rows by table."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    delivered = {}
    if policies:
        lines = [f"{key},2026-01-01 12:00:00,{p}" for key, p in day.policies.items() if p]
        text = "\n".join([f"day {number},,", "policy_id,signed,premium", *lines]) + "\n"
        (folder / f"policies{number}.csv").write_text(text)
        delivered["policies"] = len(lines)
    if quotes:
        lines = [f"{key},{p},2026-01-01 12:00:00" for key, p in day.quotes.items() if p]
        lines += lines[:1] if day.repeated else []
        lines += [f"X{number},1,{number}?"] if day.unread else []
        text = "\n".join([f"day {number},,", "quote_id,premium,quoted", *lines]) + "\n"
        (folder / f"quotes{number}.csv").write_text(text)
        delivered["quotes"] = len(lines)
    return delivered


def add_up(delivery: Delivery, delivered: dict[str, int]) -> None:
    """Every delivered row has one fate."""
    for table, added in zip(delivery.tables, delivery.versions, strict=True):
        good = added.new + added.changed + added.unchanged + added.overtaken
        assert good == table.good
        counted = good + table.waiting + table.repeated + table.overtaken + table.erased
        assert delivered[table.table] == table.rows == counted


def versions_of(lake: Lake) -> dict[str, list[Version]]:
    """The versions in the raw tables."""
    listed: dict[str, list[Version]] = {"policies": [], "quotes": []}
    for table, columns in (
        ("policies", "policy_id, written_premium, cancelled_on"),
        ("quotes", "quote_id, premium, NULL::DATE"),
    ):
        files = list(lake.raw(table).glob("*.parquet"))
        rows: list[Any] = lake.con.execute(
            f"SELECT {columns}, recorded_at FROM '{files[0]}'"
        ).fetchall() if files else []  # fmt: skip
        listed[table] = [(k, int(p), c, at.astimezone(UTC)) for k, p, c, at in rows]
    return listed


@settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # an example takes seconds
    suppress_health_check=[HealthCheck.too_slow],
)
@given(DAYS)
def test_what_is_known_since_when_and_every_row_is_counted(days: list[Day]) -> None:
    days[0] = Day(dict.fromkeys(KEYS, 100), {"A": 100}, False, days[0].again, False, False)
    with tempfile.TemporaryDirectory() as folder:
        mapping = Path(folder) / "mapping.toml"
        mapping.write_text(MAPPING)
        lake, known = Lake(Settings(home=Path(folder) / "home", threads=1)), Known()

        def take(number: int, *, policies: bool, quotes: bool) -> None:
            day = days[number]
            delivered = write(Path(folder) / "today", number, day, policies=policies, quotes=quotes)
            late = known.last is not None and end_of(number) < known.last
            for table in delivered:
                rows = {key: p for key, p in getattr(day, table).items() if p}
                known.take(table, rows, end_of(number))
            if known.last is not None and late:
                known.last += timedelta(seconds=1)
            else:
                known.last = end_of(number)
            for _ in range(1 + day.again):
                add_up(run(lake, mapping, end_of(number)), delivered)
                in_home = versions_of(lake)
                for table, versions in known.versions.items():
                    assert sorted(in_home[table], key=repr) == sorted(versions, key=repr)

        late: list[int] = []
        for number, day in enumerate(days):
            held_back = day.late and 0 < number < len(days) - 1
            take(number, policies=True, quotes=not held_back)
            for earlier in late:
                take(earlier, policies=False, quotes=True)
            late = [number] if held_back else []
        lake.con.close()
