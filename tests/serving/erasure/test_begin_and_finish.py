"""Erasure in two steps: either may be killed, and what is left is found and done."""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.erased import Erased, pseudonym
from features.errors import GuanjiaError
from features.events.inbox import EventInbox
from features.lake import Lake
from features.online import feast_client
from features.settings import Settings
from serving.records.contacts.decisions import Decision, write_decision
from serving.records.database import Records
from serving.records.people import erase_everywhere, erase_records
from serving.records.people.audit import access_row, insert_accesses
from serving.records.people.consents import ConsentChange, consents_as_of, write_consent
from serving.records.people.erase_everywhere import (
    begin_erasure,
    find_receipt,
    finish_erasure,
    require_known,
)

DAY = date(2026, 6, 30)
NOW = datetime(2026, 7, 1, 4, tzinfo=UTC)
KEY = "k" * 32
GONE, STAYS = "C47110815", "C47110816"
Snapshot = Callable[..., None]


def settled(home: Path, snapshot: Snapshot, **settings: Any) -> tuple[Lake, Records]:
    """A home with tables, two snapshots, a list and records of two customers."""
    lake = Lake(Settings(home=home, erasure_key=KEY, **settings))  # type: ignore[arg-type]
    both = [GONE, STAYS]
    tables: dict[str, dict[str, list[Any]]] = {
        "raw/customers/part": {"customer_id": both},
        "raw/policies/part": {"policy_id": ["P1", "P2"], "customer_id": both},
        "raw/costs/part": {"cost_id": ["1", "2", "3"], "customer_id": [None, STAYS, GONE],
                           "policy_id": ["P1", "P2", None]},
        "checked/customers": {"customer_id": both},
        "scores/as_of=2026-06-30": {"customer_id": both, "snapshot_id": ["snapshot"] * 2},
        "training/renewal/frame": {"customer_id": [*both, GONE], "policy_id": ["P1", "P2", "P1"]},
    }  # fmt: skip
    for place, columns in tables.items():
        path = home / f"{place}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(columns), path)
    for back in (0, 1):
        day = DAY - timedelta(back)
        snapshot(home, day, {GONE: {"star_level": 5}, STAYS: {"star_level": 3}})
    (home / "lists").mkdir()
    (home / "lists" / "a.csv").write_text(f"客户号,姓名\r\n{GONE},张\r\n{STAYS},李\r\n")
    records = Records(lake.settings)
    records.migrate()
    with records.writing() as connection:
        for one in both:
            write_decision(connection, Decision(one, "app_open", NOW, {"of": one}))
            write_consent(connection, ConsentChange(one, "profiling", False, NOW), NOW)
        insert_accesses(connection, [access_row("app", "/predict", both, NOW, "service")])
    return lake, records


@pytest.fixture
def home_of(home: Path, snapshot: Snapshot) -> Iterator[tuple[Lake, Records]]:
    lake, records = settled(home, snapshot)
    yield lake, records
    records.close()
    feast_client.forget(lake)


def places_of(home: Path, number: str) -> list[str]:
    return sorted(
        path.relative_to(home).as_posix()
        for path in home.rglob("*")
        if path.is_file() and (number.encode() in path.read_bytes() or number in cells_of(path))
    )


def cells_of(path: Path) -> str:
    return str(pq.read_table(path, partitioning=None)) if path.suffix == ".parquet" else ""


def test_first_what_answers_then_the_files(home_of: tuple[Lake, Records]) -> None:
    lake, records = home_of
    receipt = begin_erasure(lake, records, GONE, "ann", NOW)
    assert receipt.rows == {"decisions": 1, "reads": 1, "consent_changes": 1}
    assert find_receipt(lake, records, GONE) == (receipt, False)
    assert Erased(lake.settings).among([GONE, STAYS]) == {GONE}
    assert len(places_of(lake.home, GONE)) > 20
    done = finish_erasure(lake, records, NOW + timedelta(1))
    (whole,) = done.receipts
    assert (whole.receipt_id, whole.asked_by, whole.erased_at) == (receipt.receipt_id, "ann", NOW)
    files = {
        "raw/customers": 1, "raw/policies": 1, "raw/costs": 2, "checked/customers": 1, "scores": 1,
        "training/renewal": 2, "lists": 1,
    }  # fmt: skip
    tags = {place: rows for place, rows in whole.rows.items() if place.startswith("tags/")}
    assert set(tags.values()) == {2}  # of two dates
    assert whole.rows == {**receipt.rows, **files, **tags}
    assert find_receipt(lake, records, GONE) == (whole, True)
    assert places_of(lake.home, GONE) == places_of(lake.home, "P1") == []
    assert len(places_of(lake.home, STAYS)) > 20
    assert finish_erasure(lake, records, NOW) == erase_everywhere.ErasureRun([], [])
    with records.reading() as connection:
        mark = pseudonym(KEY.encode(), GONE)
        assert consents_as_of(connection, GONE, NOW, erased_as=mark).profiling is False


@pytest.mark.parametrize("step", [1, 2, 5, 12, 18, 19, 20, 21, 22, 23, 24, 25])
def test_killed_anywhere_and_done_again(
    home_of: tuple[Lake, Records], monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """Killed right after a place was done, before or after it was noted; then by `--pending`,
    which is not told who it was."""
    lake, records = home_of
    expected = {"raw/customers": 1, "raw/costs": 2, "scores": 1, "decisions": 1}
    steps = Counter[str]()
    noted = erase_everywhere._add_rows

    def killed(*given: Any) -> None:
        steps["n"] += 1
        if steps["n"] == step:
            raise KeyboardInterrupt
        noted(*given)
        if steps["n"] == step + 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(erase_everywhere, "_add_rows", killed)
    begun = False
    for _ in range(4):
        try:
            if not begun:
                begin_erasure(lake, records, GONE, "ann", NOW)
                begun = True
            finish_erasure(lake, records, NOW)
            break
        except KeyboardInterrupt:
            continue
    monkeypatch.undo()
    finish_erasure(lake, records, NOW)
    assert places_of(lake.home, GONE) == places_of(lake.home, "P1") == []
    found = find_receipt(lake, records, GONE)
    assert found is not None
    assert found[1]
    # What was done in the very moment of the kill may be missing from the receipt, no more.
    missing = {place for place, rows in expected.items() if found[0].rows.get(place) != rows}
    assert len(missing) <= 1
    with records.reading() as connection:
        assert not erase_records.has_records(connection, GONE)
        assert erase_records.has_records(connection, STAYS)


def test_a_database_that_does_not_answer_is_asked_again(
    home_of: tuple[Lake, Records], monkeypatch: pytest.MonkeyPatch
) -> None:
    lake, records = home_of
    with monkeypatch.context() as away:

        def fails(*_: Any, **__: Any) -> None:
            raise GuanjiaError("the online store", "does not answer", "start it")

        away.setattr(erase_everywhere, "take_offline", fails)
        with pytest.raises(GuanjiaError, match="the online store"):
            begin_erasure(lake, records, GONE, "ann", NOW)
    assert Erased(lake.settings).among([GONE]) == {GONE}
    first = find_receipt(lake, records, GONE)
    assert first is not None
    assert begin_erasure(lake, records, GONE, "ann", NOW) == first[0]
    finish_erasure(lake, records, NOW)
    assert places_of(lake.home, GONE) == []


def test_a_request_that_was_under_way_leaves_nothing(home_of: tuple[Lake, Records]) -> None:
    lake, records = home_of
    first = begin_erasure(lake, records, GONE, "ann", NOW)
    with records.writing() as connection:
        write_decision(connection, Decision(GONE, "app_open", NOW, {"of": GONE}))
        insert_accesses(connection, [access_row("app", "/predict", [GONE], NOW, "service")])
    (done,) = finish_erasure(lake, records, NOW).receipts
    assert (done.receipt_id, done.rows["decisions"], done.rows["reads"]) == (first.receipt_id, 2, 2)
    assert places_of(lake.home, GONE) == []


def test_files_that_are_not_ours_are_named(home_of: tuple[Lake, Records]) -> None:
    lake, records = home_of
    note = lake.home / "notes.txt"
    note.write_text(f"call {GONE}")
    begin_erasure(lake, records, GONE, "ann", NOW)
    assert finish_erasure(lake, records, NOW).left == [note]
    assert places_of(lake.home, GONE) == ["notes.txt"]


def test_a_wrong_number_is_refused(home_of: tuple[Lake, Records]) -> None:
    lake, records = home_of
    require_known(lake, records, [GONE, STAYS])
    with pytest.raises(GuanjiaError, match=f"customer {GONE[:-1]}: is nowhere under"):
        require_known(lake, records, [GONE, GONE[:-1]])
    with records.writing() as connection:
        write_consent(connection, ConsentChange("C1", "profiling", False, NOW), NOW)
    require_known(lake, records, ["C1"])  # of whom the records alone know


def test_a_snapshot_that_is_not_as_described_stays_refused(home_of: tuple[Lake, Records]) -> None:
    """Erasure must not make true what somebody changed."""
    lake, records = home_of
    file = lake.tags("claims") / f"as_of={DAY}.parquet"
    pq.write_table(pq.read_table(file, partitioning=None), file, compression="none")
    begin_erasure(lake, records, GONE, "ann", NOW)
    finish_erasure(lake, records, NOW)
    assert places_of(lake.home, GONE) == []
    from features.snapshots.snapshots import read_snapshot

    with pytest.raises(GuanjiaError, match="missing or was changed since"):
        read_snapshot(lake, DAY, verify=True)
    assert read_snapshot(lake, DAY - timedelta(1), verify=True).customers == 1


def test_a_table_that_somebody_writes_all_the_time(
    home_of: tuple[Lake, Records], monkeypatch: pytest.MonkeyPatch
) -> None:
    lake, records = home_of
    path = lake.checked("customers")
    content = path.read_bytes()
    begin_erasure(lake, records, GONE, "ann", NOW)
    with monkeypatch.context() as patched:
        patched.setattr(erase_everywhere, "_add_rows", lambda *_: path.write_bytes(content))
        with pytest.raises(GuanjiaError, match="written by another process"):
            finish_erasure(lake, records, NOW)
    finish_erasure(lake, records, NOW)
    assert places_of(lake.home, GONE) == []


def test_redis_forgets_too(redis_url: str, home: Path, snapshot: Snapshot) -> None:
    import redis

    lake, records = settled(home, snapshot, online=redis_url)
    for path in (lake.home / "checked").glob("*.parquet"):
        path.unlink()  # rows of one column: no contact details could be made of them
    feast_client.materialize(lake, DAY, now=NOW)
    with redis.Redis.from_url(redis_url) as client:
        assert len(client.keys(f"*{GONE}")) == 8
        before = {key: client.get(key) for key in client.keys(f"*{STAYS}")}
        begin_erasure(lake, records, GONE, "ann", NOW)
        assert client.keys(f"*{GONE}*") == []
        feast_client.materialize(lake, DAY, now=NOW)  # the snapshot still has him
        assert client.keys(f"*{GONE}*") == []
        finish_erasure(lake, records, NOW)
        assert {key: client.get(key) for key in client.keys(f"*{STAYS}")} == before
    found = find_receipt(lake, records, GONE)
    assert found is not None
    assert found[0].rows["online"] == 8
    records.close()
    feast_client.forget(lake)


def test_another_machine_follows(postgres: str, tmp_path: Path, snapshot: Snapshot) -> None:
    """Two homes share their records and the key; the second learns of it by `--pending`."""
    lake, records = settled(tmp_path / "one", snapshot, database=postgres)
    there, also = settled(tmp_path / "two", snapshot, database=postgres)
    begin_erasure(lake, records, GONE, "ann", NOW)
    (first,) = finish_erasure(lake, records, NOW).receipts
    assert places_of(lake.home, GONE) == []
    assert places_of(there.home, GONE) != []
    (second,) = finish_erasure(there, also, NOW).receipts
    assert places_of(there.home, GONE) == []
    assert second.receipt_id == first.receipt_id
    assert second.rows["raw/customers"] == 2 * first.rows["raw/customers"]
    for one in (records, also):
        one.close()


def test_a_restored_home_forgets_again(home_of: tuple[Lake, Records]) -> None:
    lake, records = home_of
    content = (lake.home / "raw" / "customers" / "part.parquet").read_bytes()
    scores = (lake.home / "scores" / "as_of=2026-06-30.parquet").read_bytes()
    first = begin_erasure(lake, records, GONE, "ann", NOW)
    finish_erasure(lake, records, NOW)
    assert finish_erasure(lake, records, NOW, again=True) == erase_everywhere.ErasureRun([], [])
    (lake.home / "raw" / "customers" / "part.parquet").write_bytes(content)
    (lake.home / "scores" / "as_of=2026-06-30.parquet").write_bytes(scores)
    with records.writing() as connection:
        write_decision(connection, Decision(GONE, "app_open", NOW, {"of": GONE}))
    assert finish_erasure(lake, records, NOW).receipts == []  # nobody is waiting
    (done,) = finish_erasure(lake, records, NOW, again=True).receipts
    assert done.receipt_id == first.receipt_id
    assert [done.rows[place] for place in ("raw/customers", "scores", "decisions")] == [2, 2, 2]
    assert places_of(lake.home, GONE) == []
    assert finish_erasure(lake, records, NOW, again=True).receipts == []


def test_the_inbox_forgets(home_of: tuple[Lake, Records]) -> None:
    lake, _ = home_of
    inbox = EventInbox(lake)
    assert inbox.erase([GONE]) == {}  # there is none
    assert inbox.last_recorded([GONE]) == {}
    insert = (
        'INSERT INTO events (event_id, type, customer_id, "table", key, recorded_us, content, row,'
        " told) VALUES (?, 't', ?, 'interactions', ?, 1, ?, ?, ?)"
    )
    with closing(sqlite3.connect(inbox.path, isolation_level=None)) as connection:
        for n, one in enumerate((GONE, STAYS, GONE)):
            connection.execute(insert, [f"{n} {one}", one, f"I{n}", one, one, one])
    assert inbox.erase([GONE, "C1"]) == {GONE: 2, "C1": 0}
    inbox.scrub()
    assert "events.db" not in places_of(lake.home, GONE)
    assert inbox.last_recorded([GONE, STAYS]).keys() == {STAYS}
