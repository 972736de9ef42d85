"""The database under the records: migrations, waits that end, errors that keep secrets."""

import contextlib
import sqlite3
import subprocess
import sys
import threading
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, insert, select
from sqlalchemy.dialects import sqlite

from features.errors import GuanjiaError
from features.settings import Settings
from serving.records.columns import Instant, Yuan, new_id
from serving.records.database import (
    Records,
    RecordsAwayError,
    lock_customer,
)
from serving.records.revisions import MIGRATIONS, newest_revision
from serving.records.tables import METADATA, capacity_prices, handovers

ROOT = Path(__file__).parents[3]
NOW = datetime(2026, 6, 1, 2, tzinfo=UTC)
MIGRATE = """
import sys
from pathlib import Path
from features.settings import Settings
from serving.records.database import Records
records = Records(Settings(home=Path(sys.argv[1]), database=sys.argv[2] or None))
sys.stdin.read()
records.migrate()
records.close()
"""


def handed(at: datetime, number: str = "1") -> dict[str, Any]:
    names = ("branch", "leaver", "successor", "handed_by")
    counts = {"contacts": 1, "customers": 0}
    return {"handover_id": number, "handed_at": at, **dict.fromkeys(names, "x"), **counts}


def test_the_migrated_tables_are_those_declared(records: Records) -> None:
    with records.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, METADATA) == []


def test_the_newest_migration_is_told_from_the_names_of_the_files() -> None:
    assert newest_revision() == ScriptDirectory(str(MIGRATIONS)).get_current_head()


def test_several_processes_may_migrate_at_once(settings: Settings) -> None:
    words = [sys.executable, "-c", MIGRATE, str(settings.home), settings.database or ""]
    processes = [
        subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    told = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, told
    records = Records(settings)
    with records.writing() as connection:
        connection.execute(insert(handovers), handed(NOW))
    records.close()


def test_instants_days_and_amounts_come_back_and_compare_alike(records: Records) -> None:
    china = timezone(timedelta(hours=8))
    early = datetime(2026, 6, 1, 9, 59, 59, 999999, tzinfo=china)
    with records.writing() as connection:
        connection.execute(insert(handovers), [handed(NOW, "1"), handed(early, "2")])
        price = {"day": date(2026, 6, 1), "branch": "广东", "channel": "sms", "made_at": NOW}
        connection.execute(insert(capacity_prices), price | {"capacity": 10, "price": 0.25})
    with records.reading() as connection:
        at = handovers.c.handed_at
        assert connection.execute(select(at).order_by(at)).scalars().all() == [early, NOW]
        assert connection.execute(select(at).where(at < NOW)).scalars().all() == [early]
        assert connection.execute(select(at)).scalars().all()[0].tzinfo is UTC
        assert connection.execute(capacity_prices.select()).one().day == date(2026, 6, 1)


def test_an_instant_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="has no time zone"):
        Instant().process_bind_param(datetime(2026, 6, 1), sqlite.dialect())  # noqa: DTZ001


def test_numbers_sort_by_time_and_differ() -> None:
    numbers = [new_id(NOW + timedelta(microseconds=step // 100)) for step in range(300)]
    assert len(set(numbers)) == 300
    assert sorted(numbers, key=lambda one: one[:14]) == numbers


def test_a_transaction_that_fails_writes_nothing(records: Records, rows: Any) -> None:
    def fail(connection: Connection) -> None:
        connection.execute(insert(handovers), handed(NOW))
        raise GuanjiaError("this", "is refused", "try otherwise")

    with pytest.raises(GuanjiaError, match="is refused"), records.writing() as connection:
        fail(connection)
    assert rows(handovers) == []


def test_a_database_that_was_never_migrated_says_so(settings: Settings) -> None:
    records = Records(settings)
    without = r"unable to open|handovers"  # SQLite has no file either
    with pytest.raises(RecordsAwayError, match=without), records.reading() as connection:
        connection.execute(handovers.select())
    records.close()


def test_what_a_customer_said_waits_for_the_disk(home: Path) -> None:
    records = Records(Settings(home=home))
    records.migrate()
    full, normal = 2, 1
    with records.writing(durable=True) as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == full
    with records.writing() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == normal
    records.close()


def test_who_counts_after_a_lock_sees_what_was_written_before_it(postgres: str, home: Path) -> None:
    with contextlib.closing(psycopg2.connect(postgres)) as other, other, other.cursor() as cursor:
        name = other.info.dbname
        cursor.execute(
            f"ALTER DATABASE {name} SET default_transaction_isolation = 'repeatable read'"
        )
    records = Records(Settings(home=home, database=postgres))
    with records.writing() as connection:
        level = connection.exec_driver_sql("SHOW transaction_isolation").scalar()
    assert level == "read committed"
    records.close()


def test_one_customer_waits_and_another_does_not(postgres: str, home: Path) -> None:
    records = Records(Settings(home=home, database=postgres))
    records.migrate()
    with records.writing(30) as connection:
        lock_customer(connection, "C1")
        outcome: list[tuple[str, RecordsAwayError | None]] = []

        def hold(customer: str) -> None:
            try:
                with records.writing() as other:
                    lock_customer(other, customer)
                outcome.append((customer, None))
            except RecordsAwayError as fault:
                outcome.append((customer, fault))

        threads = [threading.Thread(target=hold, args=[one]) for one in ("C2", "C1")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    # The lock of C1 is held all the while: who asks for C2 is through before C1 gives up.
    assert outcome[0] == ("C2", None)
    assert outcome[1][0] == "C1"
    assert isinstance(outcome[1][1], RecordsAwayError)
    records.close()


def test_no_error_prints_the_password(home: Path) -> None:
    hidden = "s3cret%2Fword"
    address = f"postgresql://guanjia:{hidden}@127.0.0.1:9/records?password={hidden}"
    settings = Settings(home=home, database=address)
    records = Records(settings)
    with pytest.raises(RecordsAwayError, match=r"records 127\.0\.0\.1/records: ") as away:
        records.reading().__enter__()
    shown = f"{away.value} {away.value!r} {settings!r} {away.value.__cause__}"
    assert "s3cret" not in shown
    with pytest.raises(RecordsAwayError) as away:
        records.migrate()
    assert "s3cret" not in f"{away.value} {away.value.__cause__}"
    records.close()


@pytest.mark.parametrize(
    ("address", "fault"),
    [
        ("s3cret", "is not a database address"),
        ("postgresql://guanjia:s3cret@host:port/records", "is not a database address"),
        ("mysql://guanjia:s3cret@host/records", "names mysql, not Postgres"),
        ("postgresql+asyncpg://guanjia:s3cret@host/records", "names postgresql.asyncpg, not"),
    ],
)
def test_an_address_that_is_none_is_refused(home: Path, address: str, fault: str) -> None:
    with pytest.raises(GuanjiaError, match=f"GUANJIA_DATABASE: {fault}") as error:
        Records(Settings(home=home, database=address))
    assert "s3cret" not in str(error.value)


def test_a_wrong_password_is_said_and_not_shown(postgres: str, home: Path) -> None:
    wrong = postgres.replace("p%2540ss%20word", "s3cret")
    records = Records(Settings(home=home, database=wrong))
    with pytest.raises(RecordsAwayError, match="password authentication failed") as away:
        records.reading().__enter__()
    assert "s3cret" not in str(away.value)
    records.close()


def test_an_amount_is_exact_to_a_hundredth_of_a_fen(records: Records) -> None:
    kept = Yuan().process_bind_param(Decimal("0.0455"), None)  # type: ignore[arg-type]
    assert kept == 455
    assert Yuan().process_result_value(kept, None) == Decimal("0.0455")  # type: ignore[arg-type]


@pytest.mark.parametrize(("seconds", "milliseconds"), [(0, 0), (2.0, 2000)])
def test_a_writer_waits_for_another_as_long_as_it_is_told(
    home: Path, seconds: float, milliseconds: int
) -> None:
    records = Records(Settings(home=home))
    records.migrate()
    with records.writing(seconds) as connection:
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == milliseconds
    records.close()


def test_who_does_not_wait_is_refused_while_another_writes(home: Path) -> None:
    records = Records(Settings(home=home))
    records.migrate()
    assert records.is_local
    with contextlib.closing(sqlite3.connect(home / "records.db")) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(RecordsAwayError), records.writing(0) as connection:
            connection.execute(insert(handovers), handed(NOW))
        other.rollback()
    with records.writing(0) as connection:
        connection.execute(insert(handovers), handed(NOW))
    with records.reading() as connection:
        assert [r.handover_id for r in connection.execute(select(handovers))] == ["1"]
    records.close()


def test_a_writer_that_failed_leaves_nothing_to_the_next(home: Path) -> None:
    records = Records(Settings(home=home))
    records.migrate()
    for seconds in (2.0, 0):
        with contextlib.suppress(KeyError), records.writing(seconds) as connection:
            connection.execute(insert(handovers), handed(NOW, "lost"))
            raise KeyError
        with records.writing(seconds) as connection:
            assert connection.execute(select(handovers)).all() == []
    records.close()
