"""Tables of a database come in as the same raw tables as their export, and nothing is betrayed."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from command_line import in_this_process
from exports import CHINESE, raw_rows, write_export

from features.contracts.tables import CONTRACTS
from features.errors import GuanjiaError
from features.imports.mapping import Source, load_mapping
from features.imports.mapping_text import mapping_text
from features.imports.plan import plan_import
from features.imports.reading.databases import DRIVERS, PASSWORD_FROM, text_of
from features.imports.reading.readers import read_source
from features.imports.run import run
from features.lake import Lake
from features.settings import Settings
from features.sources.simulation.simulate import simulate

KEYS = {name: contract.key for name, contract in CONTRACTS.items()}
DELIVERED = datetime(2026, 6, 30, 15, 59, 59, tzinfo=UTC)
SECRET = "p%40ss word"
IN_URL = "p%2540ss%20word"
TYPES = {
    "postgresql": {date: "DATE", datetime: "TIMESTAMP", Decimal: "NUMERIC(14,2)", str: "TEXT"},
    "mysql": {
        date: "DATE", datetime: "DATETIME(6)", Decimal: "DECIMAL(14,2)", str: "VARCHAR(200)",
    },
}  # fmt: skip


def execute(url: str, *statements: str, rows: Sequence[Any] = ()) -> None:
    """Run statements in a database; the last once for each of the rows."""
    scheme = url.partition(":")[0]
    engine = sa.create_engine(url.replace(scheme, DRIVERS[scheme], 1))
    with engine.begin() as connection:
        for statement in statements[:-1] if rows else statements:
            connection.exec_driver_sql(statement)
        if rows:
            connection.exec_driver_sql(statements[-1], list(rows))
    engine.dispose()


def into(url: str) -> Callable[..., None]:
    """A writer of an export that fills tables of a database with typed columns."""
    scheme = url.partition(":")[0]
    mark = '"' if scheme == "postgresql" else "`"

    def write(folder: Path, name: str, headings: Sequence[str], rows: Sequence[Any]) -> None:
        del folder
        cells = [tuple(None if cell == "" else cell for cell in row) for row in rows]
        types = [
            TYPES[scheme][next((type(cell) for cell in column if cell is not None), str)]
            for column in zip(*cells, strict=True)
        ]
        columns = [
            f"{mark}{heading}{mark} {kind}" for heading, kind in zip(headings, types, strict=True)
        ]
        execute(
            url,
            f"CREATE TABLE {mark}{name}{mark} ({', '.join(columns)})",
            f"INSERT INTO {mark}{name}{mark} VALUES ({', '.join(['%s'] * len(columns))})",
            rows=cells,
        )

    return write


@pytest.fixture(params=["postgres", "mariadb"])
def url(request: pytest.FixtureRequest) -> str:
    """The address of an empty database of either kind."""
    address: str = request.getfixturevalue(request.param)
    return address


def write_plan(lake: Lake, path: Path, folder: Path, url: str | None = None) -> None:
    plan = plan_import(lake, folder, ".", url=url)
    path.write_text(
        mapping_text(plan.mapping, path.name, plan.evidence, plan.described.notes), "utf-8"
    )


def test_a_database_gives_the_raw_tables_of_its_export(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    insurer = Lake(Settings(home=tmp_path / "insurer"))
    simulate(insurer, 60, 1)
    write_export(insurer.home, tmp_path / "files", CHINESE, KEYS)
    typed = replace(
        CHINESE, write=into(url), day=lambda x: x, instant=lambda x: x, money=lambda x: x
    )  # type: ignore[arg-type, return-value]
    write_export(insurer.home, tmp_path / "unused", typed, KEYS)
    homes = []
    for name, address in (("files", None), ("database", url)):
        lake = Lake(Settings(home=tmp_path / f"home-{name}"))
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        write_plan(lake, folder / "mapping.toml", folder, address)
        monkeypatch.setenv(PASSWORD_FROM, SECRET)
        assert run(lake, folder / "mapping.toml", DELIVERED).written
        assert not run(lake, folder / "mapping.toml", DELIVERED).written
        homes.append(lake.home)
    for table in CHINESE.headings:
        from_files, from_database = (sorted(map(repr, raw_rows(home, table))) for home in homes)
        assert len(from_files) > 20
        assert from_database == from_files


def test_the_password_stands_in_no_file_and_no_message(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute(url, "CREATE TABLE policies (policy_no VARCHAR(20), premium DECIMAL(10,2))",
            "INSERT INTO policies VALUES ('00123', 950.10)")  # fmt: skip
    out = tmp_path / "mapping.toml"
    done = in_this_process(tmp_path / "home", "import", "plan", url, "--out", str(out))
    assert done.returncode == 0, done.stderr
    texts = [done.stdout, done.stderr, out.read_text("utf-8"), out.with_suffix(".html").read_text()]
    (source,) = load_mapping(out).sources.values()
    assert source.password_from == PASSWORD_FROM
    monkeypatch.delenv(PASSWORD_FROM, raising=False)
    lake = Lake(Settings(home=tmp_path / "home"))
    with pytest.raises(GuanjiaError, match=f"{PASSWORD_FROM}: is not set") as unset:
        read_source(lake, "x", source, [Path("policies")])
    monkeypatch.setenv(PASSWORD_FROM, "another word")
    with pytest.raises(GuanjiaError, match="cannot be read") as refused:
        read_source(lake, "x", source, [Path("policies")])
    with pytest.raises(GuanjiaError, match="the URL of the database: cannot be read") as no_url:
        plan_import(lake, tmp_path, ".", url=url.replace("127.0.0.1:", "127.0.0.1:x"))
    texts += [str(unset.value), str(refused.value), str(no_url.value)]
    for text in texts:
        assert SECRET not in text
        assert IN_URL not in text
        assert "another word" not in text


def test_a_query_is_read_and_cannot_write(
    lake: Lake, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute(url, "CREATE TABLE t (id VARCHAR(20), n DECIMAL(30,3), d DATE)",
            "INSERT INTO t VALUES ('007', 12345678901234567890.120, NULL)",
            "INSERT INTO t VALUES ('8', NULL, '2024-02-29')")  # fmt: skip
    monkeypatch.setenv("CORE_PASSWORD", SECRET)
    plain = url.replace(f":{IN_URL}@", "@")

    def read(query: str, *columns: str) -> list[Any]:
        source = Source(kind="database", database=plain, password_from="CORE_PASSWORD",
                        query=query, columns=columns)  # fmt: skip
        table = read_source(lake, "x", source, [Path("query")])
        assert table.rows == table.parts[0].lines
        return lake.con.execute(f"FROM (SELECT * FROM {table.view}) ORDER BY _line").fetchall()

    rows = read("SELECT d, id, n FROM t ORDER BY id", "id", "n", "d")
    assert [row[2:5] for row in rows] == [
        ("007", "12345678901234567890.120", None), ("8", None, "2024-02-29"),
    ]  # fmt: skip
    with pytest.raises(GuanjiaError, match="has no column weight"):
        read("SELECT id FROM t", "weight")
    execute(url, "CREATE SEQUENCE s")
    writes = ["SELECT nextval('s') AS id"] if url.startswith("postgres") else ["DELETE FROM t"]
    for statement in writes:
        with pytest.raises(GuanjiaError, match=r"(?i)read.only"):
            read(statement, "id")
    assert len(read("SELECT id FROM t", "id")) == 2


def test_a_mapping_with_a_password_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mapping.toml"
    path.write_text(
        'folder = "."\ntables = []\n[sources.t]\nkind = "database"\ntable = "t"\n'
        'database = "mysql://reader:secret@host/core"\ncolumns = ["a"]\n'
    )
    with pytest.raises(GuanjiaError, match="holds a password") as refused:
        load_mapping(path)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None), ("007 ", "007 "), (True, "1"), (False, "0"), (3, "3"),
        (3.0, "3"), (0.1, "0.1"), (1e17, "1E+17"), (Decimal("1E+3"), "1000"),
        (Decimal("0.10"), "0.10"), (date(2024, 2, 29), "2024-02-29"),
        (datetime.fromisoformat("2024-02-29 20:00:01"), "2024-02-29 20:00:01"),
        (datetime(2024, 2, 29, 20, 0, tzinfo=UTC), "2024-03-01 04:00:00"),
        (datetime(2024, 2, 29, 20, 0, tzinfo=timezone(timedelta(hours=8))), "2024-02-29 20:00:00"),
        ("保单".encode(), "保单"),
    ],
)  # fmt: skip
def test_a_value_becomes_its_exact_text(value: object, text: str | None) -> None:
    assert text_of(value, ZoneInfo("Asia/Shanghai")) == text
