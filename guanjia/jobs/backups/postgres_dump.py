"""Dump the records from Postgres by pg_dump, and load them by pg_restore.

The password goes by the environment: a command line can be read by every user of the machine.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

from sqlalchemy import URL, create_engine, func, inspect, select, text
from sqlalchemy.pool import NullPool

from features.errors import GuanjiaError
from serving.records.tables import METADATA

REVISIONS = "alembic_version"
CLIENT = "install Postgres's own client programs of the server's version or later"


def dump_records(url: URL, target: Path) -> None:
    """Dump the tables of the records, as they are at one instant, into a file of pg_dump.

    Parameters
    ----------
    url : sqlalchemy.URL
        The database.
    target : Path
        File to write.

    Raises
    ------
    GuanjiaError
        If pg_dump is missing or older than the server, or fails.
    """
    program = _program("pg_dump")
    _require_version(program, url)
    tables = [*(table.name for table in METADATA.sorted_tables), REVISIONS]
    words = ["--format=custom", "--no-owner", "--no-privileges", f"--file={target}"]
    _run(program, url, *words, *(f"--table={name}" for name in tables))


def load_records(url: URL, dump: Path) -> None:
    """Load a dump into a database in one transaction; tables of the records there are replaced.

    Parameters
    ----------
    url : sqlalchemy.URL
        The database.
    dump : Path
        What `dump_records` wrote.

    Raises
    ------
    GuanjiaError
        If pg_restore is missing or fails; the database is then as it was.
    """
    words = ["--single-transaction", "--no-owner", "--no-privileges", "--clean", "--if-exists"]
    _run(_program("pg_restore"), url, *words, str(dump))


def count_rows(url: URL) -> int:
    """Count the rows of all tables of the records in a database; tables may be missing.

    Raises
    ------
    GuanjiaError
        If the database does not answer.
    """
    from sqlalchemy import exc

    engine = create_engine(url, poolclass=NullPool, hide_parameters=True)
    try:
        with engine.connect() as connection:
            tables = [
                table for table in METADATA.sorted_tables if inspect(engine).has_table(table.name)
            ]
            counts = [
                connection.execute(select(func.count()).select_from(table)).scalar_one()
                for table in tables
            ]
    except exc.OperationalError as error:
        fault = str(error.orig).strip().splitlines()[0]
        cure = "check that the server runs and GUANJIA_DATABASE is right"
        raise GuanjiaError(f"records {url.host}/{url.database}", fault, cure) from None
    finally:
        engine.dispose()
    return sum(counts)


def _program(name: str) -> str:
    """Find a program of Postgres, the newest where Debian keeps several."""
    installed = Path("/usr/lib/postgresql").glob(f"*/bin/{name}")
    newest = max(installed, key=lambda path: float(path.parts[-3]), default=None)
    program = str(newest) if newest else shutil.which(name)
    if program is None:
        raise GuanjiaError(f"program {name}", "is not installed on this machine", CLIENT)
    return program


def _require_version(program: str, url: URL) -> None:
    """Refuse a pg_dump that is older than its server: pg_dump would, in other words."""
    shown = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    ours = re.search(r"(\d+)", shown.stdout)
    engine = create_engine(url, poolclass=NullPool, hide_parameters=True)
    with engine.connect() as connection:
        number = int(connection.execute(text("SHOW server_version_num")).scalar_one())
    engine.dispose()
    if ours is None or int(ours.group()) < number // 10_000:
        raise GuanjiaError(
            f"program {program}",
            f"is of Postgres {ours.group() if ours else '?'}, and the server is {number // 10_000}",
            CLIENT,
        )


def _run(program: str, url: URL, *words: str) -> None:
    # `url.set(password=None)` would leave it in.
    address = URL.create("postgresql", url.username, None, url.host, url.port, url.database,
                         url.query)  # fmt: skip
    password = {"PGPASSWORD": str(url.password)} if url.password is not None else {}
    ended = subprocess.run(
        [program, "--no-password", f"--dbname={address.render_as_string()}", *words],
        env={**os.environ, **password},
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        fault = (ended.stderr.strip().splitlines() or [f"ended with {ended.returncode}"])[-1]
        cure = "see docs/backup.md, section Postgres"
        raise GuanjiaError(f"{Path(program).name} of {url.host}/{url.database}", fault, cure)
