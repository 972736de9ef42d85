"""Records move between a file and a server with every row, or stay where they are."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from features.errors import GuanjiaError
from features.settings import Settings
from serving.records import moving
from serving.records.database import Records
from serving.records.moving import contents, move_records
from serving.records.tables import METADATA

EARLIER = Path(__file__).parents[2] / "golden" / "e1ac05b" / "records.db"
"""Records with rows in every table of their release."""
Pair = tuple[Records, Records]


@pytest.fixture
def pair(tmp_path: Path, postgres: str) -> Iterator[Pair]:
    """Records in a file, with rows, and an empty database of Postgres."""
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    shutil.copyfile(EARLIER, home / "records.db")
    settings = Settings(home=home)
    pair = Records(settings), Records(settings.model_copy(update={"database": postgres}))
    pair[0].migrate()
    yield pair
    for records in pair:
        records.close()


def rows(records: Records) -> dict[str, list[str]]:
    with records.reading() as connection:
        return {
            table.name: sorted(repr(tuple(row)) for row in connection.execute(table.select()))
            for table in METADATA.sorted_tables
        }


def test_every_row_moves_and_moves_back(pair: Pair) -> None:
    sqlite, postgres = pair
    before = rows(sqlite)
    assert sum(map(len, before.values())) > 30
    moved = move_records(sqlite, postgres)
    assert rows(postgres) == before
    assert {name: content.rows for name, content in moved.items()} == {
        name: len(stored) for name, stored in before.items()
    }
    assert move_records(postgres, sqlite) == moved
    assert rows(sqlite) == before
    assert move_records(sqlite, postgres) == moved
    assert rows(postgres) == before


def test_nobody_starts_where_the_records_were(pair: Pair) -> None:
    sqlite, postgres = pair
    move_records(sqlite, postgres)
    with pytest.raises(GuanjiaError, match=r"moved to another database.*set it to where they are"):
        sqlite.migrate()
    with pytest.raises(GuanjiaError, match="decisions"), sqlite.reading() as connection:
        connection.execute(text("SELECT * FROM decisions"))
    move_records(postgres, sqlite)
    with pytest.raises(GuanjiaError, match=r"moved to another database.*unset it"):
        postgres.migrate()


def test_records_of_somebody_else_are_not_written_over(pair: Pair) -> None:
    sqlite, postgres = pair
    postgres.migrate()
    with postgres.writing() as connection:
        connection.execute(
            text("INSERT INTO decision_frames (frame_id, content) VALUES ('theirs', 'x')")
        )
    theirs, ours = rows(postgres), rows(sqlite)
    with pytest.raises(GuanjiaError, match="have 1 rows already"):
        move_records(sqlite, postgres)
    assert (rows(postgres), rows(sqlite)) == (theirs, ours)


@pytest.mark.parametrize("step", ["_copy", "_close"])
def test_what_was_cut_off_is_finished_by_the_same_call(
    pair: Pair, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sqlite, postgres = pair
    before = rows(sqlite)
    whole: Callable[..., Any] = getattr(moving, step)

    def cut_off(*arguments: Any) -> Any:
        whole(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(moving, step, cut_off)
        with pytest.raises(KeyboardInterrupt):
            move_records(sqlite, postgres)
    assert rows(sqlite) == before, "the source is as it was"
    moved = move_records(sqlite, postgres)
    assert rows(postgres) == before
    assert sum(content.rows for content in moved.values()) == sum(map(len, before.values()))


def test_a_row_that_does_not_come_across_stops_the_move(pair: Pair) -> None:
    sqlite, postgres = pair
    postgres.migrate()
    with postgres.writing() as connection:
        connection.execute(
            text(
                "CREATE FUNCTION alter_row() RETURNS trigger LANGUAGE plpgsql AS"
                " $$ BEGIN NEW.kind := 'read'; RETURN NEW; END $$"
            )
        )
        connection.execute(
            text(
                "CREATE TRIGGER altering BEFORE INSERT ON outcomes"
                " FOR EACH ROW EXECUTE FUNCTION alter_row()"
            )
        )
    before = rows(sqlite)
    with pytest.raises(GuanjiaError, match=r"table outcomes: does not come across as it was"):
        move_records(sqlite, postgres)
    assert rows(sqlite) == before
    with postgres.reading() as connection:
        assert {content.rows for content in contents(connection).values()} == {0}


def test_records_of_a_newer_release_are_refused(pair: Pair) -> None:
    sqlite, _ = pair
    with sqlite.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0999'"))
    before = rows(sqlite)
    with pytest.raises(GuanjiaError, match=r"written by a newer release \(revision 0999"):
        sqlite.migrate()
    assert rows(sqlite) == before
