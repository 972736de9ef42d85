"""The records are away, frozen, moved or in use: a wait that ends, and nothing half-written."""

import contextlib
import sqlite3
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from sqlalchemy import insert, select

from features.lake import Lake
from features.settings import Settings
from guanjia.terminal.options import open_records
from serving import clock
from serving.records.database import PAUSE_SECONDS, Records, RecordsAwayError
from serving.records.tables import handovers

NOW = datetime(2026, 6, 1, 2, tzinfo=UTC)


def handed(at: datetime, number: str = "1") -> dict[str, Any]:
    names = ("branch", "leaver", "successor", "handed_by")
    counts = {"contacts": 1, "customers": 0}
    return {"handover_id": number, "handed_at": at, **dict.fromkeys(names, "x"), **counts}


def test_a_file_that_was_moved_away_is_not_written_to(home: Path) -> None:
    records = Records(Settings(home=home))
    records.migrate()
    path, away = home / "records.db", home / "away.db"

    def write(number: str) -> None:
        with records.writing() as connection:
            connection.execute(insert(handovers), handed(NOW, number))

    def read() -> list[str]:
        with records.reading() as connection:
            query = select(handovers.c.handover_id).order_by(handovers.c.handover_id)
            return list(connection.execute(query).scalars())

    write("1")
    assert read() == ["1"]
    path.rename(away)
    for act in (lambda: write("2"), read, lambda: write("3"), read):
        with pytest.raises(RecordsAwayError, match=r"moved away|unable to open"):
            act()
    assert not path.exists()
    away.rename(path)
    write("4")
    assert read() == ["1", "4"]
    # Another file in its place: what is written goes there.
    path.rename(away)
    path.write_bytes(away.read_bytes())
    with contextlib.suppress(RecordsAwayError):
        write("5")
    write("6")
    assert "6" in read()
    records.close()


def test_a_locked_file_is_waited_for_and_not_for_ever(home: Path, ends: Any) -> None:
    records = Records(Settings(home=home))
    records.migrate()
    locking = sqlite3.connect(home / "records.db", isolation_level=None, check_same_thread=False)
    with contextlib.closing(locking) as other:
        other.execute("BEGIN IMMEDIATE")
        with ends(), pytest.raises(RecordsAwayError, match=r"records\.db: database is locked"):
            records.writing().__enter__()
        with records.reading() as connection:  # readers are not held up
            assert connection.execute(handovers.select()).all() == []
        # The lock ends while somebody waits for it.
        threading.Timer(0.3, other.execute, ["ROLLBACK"]).start()
        with records.writing() as connection:
            assert not other.in_transaction
            connection.execute(insert(handovers), handed(NOW))
    records.close()


def test_a_writer_of_the_same_process_is_waited_for_and_not_for_ever(home: Path) -> None:
    records = Records(Settings(home=home))
    records.migrate()
    faults: list[str] = []

    def other() -> None:
        try:
            with records.writing(0.2):
                pass
        except RecordsAwayError as fault:
            faults.append(str(fault))

    with records.writing():
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(10)
    assert "other writers did not finish" in faults[0]
    records.close()


def test_a_full_disk_is_an_error_we_know(home: Path) -> None:
    records = Records(Settings(home=home))
    records.migrate()

    def fill() -> None:
        with records.writing() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count = 1")
            for number in range(1000):
                connection.execute(insert(handovers), handed(NOW, f"{number:0500}"))

    with pytest.raises(RecordsAwayError, match="full"):
        fill()
    records.close()


def test_a_command_waits_for_a_writer_for_whom_a_request_does_not(home: Path, ends: Any) -> None:
    settings = Settings(home=home)
    with open_records(Lake(settings)) as patient:
        hurried, holder = Records(settings, 0.05), Records(settings)

        def write() -> None:
            with patient.writing() as connection:
                connection.execute(insert(handovers), handed(NOW))

        thread = threading.Thread(target=write)
        with ends(), holder.writing():
            thread.start()
            for _ in range(3):
                with pytest.raises(RecordsAwayError), hurried.writing():
                    pass
            assert thread.is_alive(), "it is refused nothing while others write"
        with ends():
            thread.join()
        with patient.reading() as connection:
            assert connection.execute(select(handovers.c.handover_id)).scalars().all() == ["1"]
        hurried.close()
        holder.close()


def test_a_frozen_postgres_hangs_nobody_and_is_asked_once_a_pause(
    postgres: str,
    postgres_server: Any,
    frozen: Any,
    home: Path,
    ends: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    records = Records(Settings(home=home, database=postgres))
    records.migrate()

    def write(number: str) -> None:
        with records.writing() as connection:
            connection.execute(insert(handovers), handed(NOW, number))

    write("before")

    asked, now, begin = [], 0.0, records._engine.begin
    monkeypatch.setattr(clock, "ticks", lambda: now)
    monkeypatch.setattr(records._engine, "begin", lambda: asked.append(now) or begin())

    def refused() -> None:
        with ends(), pytest.raises(RecordsAwayError, match="no answer in time"):
            write("meanwhile")

    with frozen(postgres_server.pid):
        refused()  # with a connection that was good
        now = PAUSE_SECONDS / 2
        refused()  # nobody waits while it is known
        assert asked == [0.0]
        now = PAUSE_SECONDS
        refused()  # and without one
        assert asked == [0.0, PAUSE_SECONDS]
    now = 2 * PAUSE_SECONDS
    write("after")
    with records.reading() as connection:
        found = connection.execute(select(handovers.c.handover_id)).scalars().all()
    assert sorted(found) == ["after", "before"]
    records.close()


def test_a_postgres_that_froze_within_a_transaction_hangs_nobody(
    postgres: str, postgres_server: Any, frozen: Any, home: Path, ends: Any
) -> None:
    records = Records(Settings(home=home, database=postgres))
    records.migrate()

    def write() -> None:
        with records.writing() as connection:
            connection.execute(insert(handovers), handed(NOW))
            with frozen(postgres_server.pid):
                connection.execute(insert(handovers), handed(NOW, "2"))

    with ends(), pytest.raises(RecordsAwayError, match="no answer in time"):
        write()
    with records.reading() as connection:
        assert connection.execute(handovers.select()).all() == []
    records.close()


def test_connections_that_the_server_dropped_are_replaced(postgres: str, home: Path) -> None:
    records = Records(Settings(home=home, database=postgres))
    records.migrate()
    with records.reading() as connection:
        connection.execute(handovers.select())
    with contextlib.closing(psycopg2.connect(postgres)) as other, other, other.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'guanjia' AND datname = current_database()"
        )
    with records.reading() as connection:
        assert connection.execute(handovers.select()).all() == []
    records.close()


def test_a_busy_postgres_is_not_asked_for_more(postgres: str, home: Path) -> None:
    records = Records(Settings(home=home, database=postgres))
    records.migrate()
    with contextlib.ExitStack() as stack:
        for _ in range(8):
            stack.enter_context(records.reading())
        with pytest.raises(RecordsAwayError, match="all connections of this process are in use"):
            stack.enter_context(records.reading())
    records.close()
