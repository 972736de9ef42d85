"""Read tables of a database by its URL: as texts, in a transaction that cannot write.

SQLAlchemy speaks to the database: Postgres and MySQL (MariaDB) are tested against real servers;
others work by their SQLAlchemy URL once their driver is installed (docs/import.md). The password
comes from the environment, and stands in no file, page or message.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pyarrow as pa
import sqlalchemy as sa

from features.errors import GuanjiaError
from features.imports.mapping import Source
from features.imports.reading.held_rows import hold_rows
from features.imports.reading.text_tables import LINE, Part
from features.imports.reading.workbooks import EXACT

if TYPE_CHECKING:
    import duckdb

PASSWORD_FROM = "GUANJIA_IMPORT_PASSWORD"
"""Environment variable with the password, where the mapping names no other."""
DRIVERS = {
    "postgresql": "postgresql+psycopg2",
    "mysql": "mysql+pymysql",
    "mariadb": "mysql+pymysql",
}
EXTRAS = {"postgresql": "postgres", "mysql": "mysql", "mariadb": "mysql"}
BATCH = 20_000
"""Rows that are fetched at once."""


def read_database(con: "duckdb.DuckDBPyConnection", source: Source, name: str, zone: str) -> Part:
    """Read a table or query into a table of c0, c1, ... and `LINE`, the number of the row.

    Parameters
    ----------
    con : duckdb.DuckDBPyConnection
        Gets the table.
    source : Source
        Database, table or query, and the columns.
    name : str
        Name of the table in the engine.
    zone : str
        The insurer's time zone: an instant with a zone becomes civil time.

    Raises
    ------
    GuanjiaError
        If the database cannot be reached, refuses, or lacks a column.
    """
    url = str(source.database)
    variable = source.password_from
    password = os.environ.get(variable) if variable else None
    if variable and password is None:
        raise GuanjiaError(
            f"environment variable {variable}", "is not set", f"set it to the password of {url}"
        )
    path = Path(source.table or "query")
    part = Part(path, 0)
    names = [f"c{place}" for place in range(len(source.columns))]
    schema = pa.schema([(LINE, pa.int64()), *((column, pa.string()) for column in names)])
    with connected(url, password, f"{url}, {path}") as connection:
        streamed = connection.execution_options(stream_results=True, yield_per=BATCH)
        with streamed.execute(_statement(source)) as result:
            there = list(result.keys())
            missing = [column for column in source.columns if column not in there]
            if missing:
                raise GuanjiaError(
                    f"database {url}, {path}", f"has no column {', '.join(missing)}", "plan anew"
                )
            if unknown := [column for column in there if column not in source.columns]:
                part.notes.append(f"columns the mapping does not know: {', '.join(unknown)}")
            batches = _batches(result.columns(*source.columns), schema, ZoneInfo(zone), part)
            hold_rows(con, name, schema, batches)
    return part


def text_of(value: object, zone: ZoneInfo) -> str | None:
    """Write a value as text, exactly: an instant with a zone as civil time.

    Raises
    ------
    ValueError
        If it is bytes that are no text.
    """
    if isinstance(value, datetime):
        civil = value.astimezone(zone).replace(tzinfo=None) if value.tzinfo else value
        return civil.isoformat(" ")
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode()
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, float) and not (value.is_integer() and abs(value) < EXACT):
        return str(value).upper()
    if isinstance(value, bool | float):
        return str(int(value))
    return None if value is None else str(value)


def _batches(
    rows: "sa.Result[tuple[object, ...]]", schema: pa.Schema, zone: ZoneInfo, part: Part
) -> Iterator[pa.RecordBatch]:
    for fetched in rows.partitions(BATCH):
        first = part.lines + 1
        part.lines += len(fetched)
        texts = [
            pa.array([text_of(value, zone) or None for value in cells], pa.string())
            for cells in zip(*fetched, strict=True)
        ]
        lines = pa.array(range(first, part.lines + 1), pa.int64())
        yield pa.RecordBatch.from_arrays([lines, *texts], schema=schema)


def _statement(source: Source) -> sa.Executable:
    if source.query is not None:
        return sa.text(source.query)
    schema, _, table = str(source.table).rpartition(".")
    columns: Sequence[sa.ColumnClause[object]] = [sa.column(name) for name in source.columns]
    return sa.select(*columns).select_from(sa.table(table, schema=schema or None))


def address_of(url: str) -> sa.URL:
    """Parse the URL of a database.

    Raises
    ------
    GuanjiaError
        If it is none; the words do not repeat it.
    """
    try:
        return sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        # The words of the error would repeat the URL, and the password in it.
        raise GuanjiaError(
            "the URL of the database",
            "cannot be read",
            "write it as postgresql://user@host:5432/name, or mysql://user@host:3306/name",
        ) from None


@contextmanager
def connected(url: str, password: str | None, thing: str) -> Iterator[sa.Connection]:
    """Open a connection whose transaction only reads.

    Parameters
    ----------
    url : str
        The database, without a password.
    password : str, optional
        Kept out of every message.
    thing : str
        What is read, for errors.

    Raises
    ------
    GuanjiaError
        If the driver is missing, or the database refuses.
    """
    address = address_of(url)
    backend = address.get_backend_name()
    address = address.set(drivername=DRIVERS.get(address.drivername, address.drivername))
    if password is not None:
        address = address.set(password=password)
    try:
        engine = sa.create_engine(address, poolclass=sa.NullPool, hide_parameters=True)
    except (sa.exc.NoSuchModuleError, ImportError):
        extra = EXTRAS.get(backend)
        cure = f"pip install 'guanjia[{extra}]'" if extra else "install it (docs/import.md)"
        raise GuanjiaError(
            f"database {thing}", f"needs a driver for {backend}, which is not installed", cure
        ) from None
    options: dict[str, object] = {}
    if backend == "postgresql":
        options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    try:
        with engine.connect() as connection:
            if backend in {"mysql", "mariadb"}:
                connection.exec_driver_sql("SET SESSION TRANSACTION READ ONLY")
                connection.commit()
            yield connection.execution_options(**options) if options else connection
            connection.rollback()
    except sa.exc.SQLAlchemyError as fault:
        reason = str(getattr(fault, "orig", None) or fault).strip().splitlines()[0]
        if password:
            reason = reason.replace(password, "***")
        cure = "see that host, name, user and password are right, and that the user may read it"
        raise GuanjiaError(f"database {thing}", f"cannot be read: {reason}", cure) from None
    except UnicodeDecodeError:
        raise GuanjiaError(
            f"database {thing}",
            "has a column of bytes that are no text",
            "leave it out: name a query of the others",
        ) from None
    finally:
        engine.dispose()
