"""SQL is compiled once a home: read by the next process, written anew by other code."""

from pathlib import Path

import ibis
import pytest

from features.lake import Lake, compiled
from features.lake.compiled import compile_once, sql_folder
from features.settings import Settings

KEY = ("definitions", ("claim_count_36m",), "pairs", 1)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(Settings(home=tmp_path))


@pytest.fixture(autouse=True)
def new_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """What this process has in memory is not asked, nor what the other tests share."""
    monkeypatch.setattr(compiled, "_queries", {})
    monkeypatch.setattr(compiled, "sql_folder", sql_folder)


def query(lake: Lake, number: int, *more: object) -> str:
    """The SQL of `SELECT <number>`, or what the cache has instead of it."""
    return compile_once(lake, (*KEY, *more), lambda: ibis.memtable({"one": [1]}).select(a=number))


def files(lake: Lake) -> list[Path]:
    return sorted((lake.home / "compiled").rglob("*.sql"))


def test_the_next_process_reads_what_the_first_compiled(lake: Lake) -> None:
    first = query(lake, 41)
    assert "41" in first
    compiled._queries.clear()
    assert query(lake, 42) == first
    assert [path.read_text("utf-8") for path in files(lake)] == [first]


@pytest.mark.parametrize("change", ["key", "engine"])
def test_what_the_sql_depends_on_is_another_file(
    lake: Lake, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = query(lake, 41)
    if change == "engine":
        monkeypatch.setattr(lake, "name", "spark")
    second = query(lake, 42, *(["more"] if change == "key" else []))
    assert "42" in second
    assert {path.read_text("utf-8") for path in files(lake)} == {first, second}


def test_other_code_compiles_anew_and_leaves_nothing_of_the_old(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    query(lake, 41)
    compiled._queries.clear()
    monkeypatch.setattr(compiled, "code_hash", lambda: "other")
    second = query(lake, 42)
    assert "42" in second
    assert [path.read_text("utf-8") for path in files(lake)] == [second]


@pytest.mark.parametrize("change", ["a module", "a library"])
def test_code_is_its_modules_and_the_libraries_that_write_sql(
    change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tags").mkdir()
    module = tmp_path / "tags" / "claims.py"
    module.write_text("36")
    monkeypatch.setattr(compiled, "CODE", tmp_path)
    hash_now = compiled.code_hash.__wrapped__
    before = hash_now()
    assert hash_now() == before
    if change == "a module":
        module.write_text("24")
    else:
        monkeypatch.setattr("importlib.metadata.version", lambda name: f"{name} 0")
    assert hash_now() != before
