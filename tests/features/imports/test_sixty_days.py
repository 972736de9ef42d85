"""Sixty days of deliveries give the tags of the tables they were made from.

Exactly: as of the end of each day on which nothing is outstanding, the snapshot of the imported
tables has the hash of the snapshot of the true tables, every version with its own `recorded_at`,
but for what no delivery tells: versions that were superseded before the first one (of the tags,
`refund_36m` alone reads them). As of a day of which a file is late, it is that of the true tables
with this table as it was known at the end of the day before. And no delivery changes what was
known as of a day before it.
"""

from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from day_deliveries import ZONE, Insurer, Row, during, end_of, read_raw, state_at, write_raw

from features.checking.check import check_tables
from features.contracts.tables import CONTRACTS
from features.imports.run import Delivery, run
from features.lake import Lake
from features.settings import Settings, cutoff
from features.snapshots.compute import write_snapshot
from features.sources.simulation.simulate import simulate

FIRST, LAST = date(2026, 5, 1), date(2026, 6, 30)
DAYS = [FIRST + timedelta(days=number) for number in range((LAST - FIRST).days + 1)]
TABLES = ("customers", "vehicles", "policies", "quotes", "claims", "claim_movements")
"""Policies come as dumps of two files, the others as increments."""
LATE, LATER = DAYS[10], DAYS[20]
"""Days of which the quotes come after those of the next day, and together with those of the day
after next."""
MISSING, VANISHED, BACK = DAYS[40], DAYS[25], DAYS[50]
"""Days without the dump of policies; on which policies vanish; on which one comes back."""


def corrected(tables: dict[str, list[Row]]) -> dict[str, tuple[str, date, date]]:
    """Add corrections and policies that vanish to the true tables; return those hidden."""
    policies = tables["policies"]
    versions = Counter(row["policy_id"] for row in policies)
    in_force = [
        row for row in policies
        if versions[row["policy_id"]] == 1 and row["cancelled_on"] is None
        and row["recorded_at"] < during(FIRST) and row["expiry"] > LAST
    ]  # fmt: skip
    assert len(in_force) > 20
    for number, row in enumerate(in_force[5:15]):
        at = during(DAYS[3 + 5 * number])
        policies.append({**row, "written_premium": row["written_premium"] + 10, "recorded_at": at})
    correct(tables, "quotes", "premium", 7, (LATE, LATE + timedelta(days=1), DAYS[30]))
    correct(tables, "quotes", "premium", 9, (LATE,))
    correct(tables, "quotes", "premium", 5, (LATER, LATER + timedelta(days=2)))
    correct(tables, "quotes", "premium", 3, (LATER,))
    gone = in_force[:3]
    for row in gone:
        ended = max(VANISHED, row["inception"])
        policies.append({**row, "cancelled_on": ended, "recorded_at": during(VANISHED)})
    policies.append({**gone[0], "recorded_at": during(BACK)})
    until = {row["policy_id"]: LAST for row in gone} | {
        gone[0]["policy_id"]: BACK - timedelta(days=1)
    }
    return {key: ("policies", VANISHED, end) for key, end in until.items()}


def tellable(table: str, rows: list[Row]) -> list[Row]:
    """The versions of a table but those that were superseded before the first delivery."""
    key, end = CONTRACTS[table].key, cutoff(FIRST, ZONE)
    early = sorted((r for r in rows if r["recorded_at"] < end), key=lambda r: r["recorded_at"])
    latest = {row[key]: row for row in early}
    return [*latest.values(), *(row for row in rows if row["recorded_at"] >= end)]


def correct(
    tables: dict[str, list[Row]], table: str, column: str, place: int, days: tuple[date, ...]
) -> None:
    """Change a number of a row at noon of days."""
    for day in days:
        rows = state_at(table, tables[table], during(day))
        row = rows[sorted(rows)[place]]
        changed = {**row, column: (row[column] or 0) + day.day, "recorded_at": during(day)}
        tables[table].append(changed)


def snapshots(home: Path, days: list[date]) -> dict[str, str]:
    """Check the raw tables and compute the tags of days; return the hash of each."""
    lake = Lake(Settings(home=home, threads=1))
    check_tables(lake)
    written = write_snapshot(lake, days)
    lake.engine.disconnect()
    return {snapshot.as_of: snapshot.snapshot_id for snapshot in written}


def add_up(delivery: Delivery) -> None:
    """Every delivered row has one fate."""
    for table, added in zip(delivery.tables, delivery.versions, strict=True):
        good = added.new + added.changed + added.unchanged + added.overtaken
        assert table.good == good
        assert table.rows == good + table.waiting + table.repeated + table.overtaken


class Importer:
    """A home that imports day after day; nothing known as of an earlier day may change."""

    def __init__(self, insurer: Insurer, home: Path) -> None:
        self.insurer, self.home = insurer, home
        self.lake = Lake(Settings(home=home, threads=1))
        self.known: set[tuple[str, str]] = set()
        self.since: datetime | None = None

    def take(self, day: date) -> Delivery:
        """Import what lies in the folder."""
        delivery = run(self.lake, self.insurer.mapping, end_of(day))
        add_up(delivery)
        rows = {
            (name, repr(row)): row["recorded_at"]
            for name, listed in read_raw(self.home).items()
            for row in listed
        }
        assert self.known <= rows.keys()
        added = [at for row, at in rows.items() if row not in self.known]
        assert self.since is None or all(at >= self.since for at in added)
        self.known.update(rows)
        self.since = max(self.since or cutoff(day, ZONE), cutoff(day, ZONE))
        return delivery


def deliver(insurer: Insurer, day: date) -> None:
    """Write the files of a day: some are late, missing, delivered again or in two parts."""
    insurer.clear()
    insurer.deliver(day, FIRST, insurer.increments)
    insurer.deliver(day, FIRST, ["policies"], parts=2)
    absent = {LATE: "quotes", LATER: "quotes", MISSING: "policies"}.get(day)
    for path in (insurer.folder / "today").glob(f"{absent}_*.csv"):
        path.unlink()
    if day == LATER + timedelta(days=2):
        insurer.deliver(LATER, FIRST, ["quotes"])
    if day == DAYS[35]:
        insurer.deliver(DAYS[34], FIRST, insurer.increments)


@pytest.mark.slow
def test_sixty_days_give_the_tags_of_the_true_tables(tmp_path: Path) -> None:
    source = Lake(Settings(home=tmp_path / "source", threads=1))
    simulate(source, 120, 1)
    source.con.close()
    truth = {name: read_raw(tmp_path / "source")[name] for name in TABLES}
    hidden = corrected(truth)
    settings = {"policies": 'vanished = "end"\ndrift = "take"'}
    increments = frozenset(TABLES) - {"policies"}
    insurer = Insurer(truth, tmp_path / "exports", increments, hidden, settings)
    insurer.write_mapping()
    importer = Importer(insurer, tmp_path / "home")
    for day in DAYS:
        deliver(insurer, day)
        importer.take(day)
        if day == DAYS[30]:
            assert not importer.take(day).written
        if day == LATE + timedelta(days=1):
            insurer.clear()
            insurer.deliver(LATE, FIRST, TABLES)
            quotes = {v.table: v for v in importer.take(LATE).versions}["quotes"]
            assert quotes.versions > 0
            assert quotes.overtaken > 0
    importer.lake.con.close()

    complete = [FIRST, LATE + timedelta(days=2), VANISHED, LAST]
    truth = {name: tellable(name, rows) for name, rows in truth.items()}
    write_raw(tmp_path / "true", truth)
    imported = snapshots(importer.home, [*complete, LATE])
    outstanding = {str(LATE): imported.pop(str(LATE))}
    assert imported == snapshots(tmp_path / "true", complete)
    before = cutoff(LATE - timedelta(days=1), ZONE)
    quotes = state_at("quotes", truth["quotes"], before).values()
    known_quotes = [{**row, "recorded_at": row["quoted_at"]} for row in quotes]
    write_raw(tmp_path / "late", {**truth, "quotes": known_quotes})
    assert outstanding == snapshots(tmp_path / "late", [LATE])
