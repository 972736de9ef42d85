"""Notes of who read whom: at once in a file, soon in the records, once."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from small_disks import SmallDisk, small_disk

from features.errors import GuanjiaError
from features.settings import Settings
from serving.api.access_recorder import AccessRecorder
from serving.api.guard import Read
from serving.records.database import Records, RecordsAwayError
from serving.records.people import access_log
from serving.records.people.access_log import AccessLog, copy_log, copy_whole_log, log_folder
from serving.records.tables import reads

ROOT = Path(__file__).parents[3]
NOW = datetime(2026, 6, 1, 2, 0, 0, 123456, tzinfo=UTC)
NOTE = """
import sys, time
from datetime import UTC, datetime
from pathlib import Path
from serving.records.people import access_log
from serving.records.people.access_log import AccessLog
notes = AccessLog(Path(sys.argv[1]))
for number in range(3):
    notes.append("app", "POST /predict", [f"C{number}"], datetime.now(UTC), "request")
print("noted", flush=True)
time.sleep(60)
"""


def note(notes: AccessLog, *customers: str) -> None:
    notes.append("app", "POST /predict", customers, NOW, "request")


def test_what_is_noted_is_in_the_records_once(records: Records, rows: Any, home: Path) -> None:
    folder = log_folder(home)
    notes = AccessLog(folder)
    note(notes, "C1", "张")
    note(notes, "C2")
    assert copy_log(records, folder) == 0  # the page is still written on
    assert rows(reads) == []
    notes.rotate()
    (page,) = folder.glob("*.jsonl")
    again = page.read_bytes()
    assert copy_log(records, folder) == 2
    assert list(folder.iterdir()) == []
    kept = rows(reads)
    assert [(one["subject"], one["customer_ids"], one["customers"]) for one in kept] == [
        ("app", ["C1", "张"], 2),
        ("app", ["C2"], 1),
    ]
    assert {one["at"] for one in kept} == {NOW}
    # Whoever was killed between the rows and the end of the page finds it again.
    page.write_bytes(again)
    assert copy_log(records, folder) == 2
    assert rows(reads) == kept
    notes.rotate()  # nothing noted, nothing to turn
    assert copy_log(records, folder) == 0


def test_what_a_killed_process_noted_is_not_lost(records: Records, rows: Any, home: Path) -> None:
    folder = log_folder(home)
    with subprocess.Popen(
        [sys.executable, "-c", NOTE, str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "noted\n"
        assert copy_log(records, folder) == 0
        process.send_signal(signal.SIGKILL)
        process.wait()
    (page,) = folder.glob("*.jsonl")
    with page.open("ab") as file:
        file.write(b'{"read_id": "half of a li')
    assert copy_log(records, folder) == 3
    assert [one["customer_ids"] for one in rows(reads)] == [["C0"], ["C1"], ["C2"]]


def test_notes_wait_while_the_records_are_away(home: Path) -> None:
    folder = log_folder(home)
    notes = AccessLog(folder)
    note(notes, "C1")
    notes.rotate()
    away = Records(Settings(home=home, database="postgresql://nobody@127.0.0.1:1/nothing"))
    with pytest.raises(RecordsAwayError):
        copy_log(away, folder)
    (page,) = folder.glob("*.jsonl")
    assert json.loads(page.read_text("utf-8"))["customer_ids"] == ["C1"]
    away.close()


def test_pages_that_are_written_on_are_waited_for(
    records: Records, rows: Any, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = log_folder(home)
    copy_whole_log(records, folder)  # nobody ever noted anything
    notes = AccessLog(folder)
    note(notes, "C1")
    later = threading.Timer(0.5, notes.rotate)
    later.start()
    copy_whole_log(records, folder)
    later.join()
    assert [one["customer_ids"] for one in rows(reads)] == [["C1"]]
    note(notes, "C2")
    monkeypatch.setattr("serving.records.people.access_log.WAIT_SECONDS", 0.2)
    with pytest.raises(GuanjiaError, match="is still open in another process"):
        copy_whole_log(records, folder)
    notes.rotate()


def test_a_note_that_cannot_be_written_is_an_error(home: Path) -> None:
    folder = log_folder(home)
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text("a file where the folder should be")
    with pytest.raises(GuanjiaError, match="cannot be written"):
        note(AccessLog(folder), "C1")


def test_where_no_file_can_be_written_accesses_go_into_a_server_of_records(
    records: Records, rows: Any, home: Path
) -> None:
    folder = log_folder(home)
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text("a file where the folder should be")
    recorder = AccessRecorder(records, Settings(home=home))
    read = Read("app", "POST /predict", ("C1",))
    if records.is_local:
        # The records are on the same disk: nothing is given out.
        with pytest.raises(GuanjiaError, match="no personal data is given out"):
            recorder(read)
        return
    recorder(read)
    assert [(row["subject"], row["customer_ids"]) for row in rows(reads)] == [("app", ["C1"])]


def test_a_note_of_an_earlier_release_that_cannot_be_stored_sticks_no_more(
    records: Records, rows: Any, home: Path
) -> None:
    folder = log_folder(home)
    notes = AccessLog(folder)
    notes.append("a\0b", "POST /predict", ["C1"], NOW, "request")
    notes.rotate()
    copy_whole_log(records, folder)
    assert [row["subject"] for row in rows(reads)] == ["a\ufffdb"]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk", 6) as disk:
        yield disk


def test_on_a_full_disk_accesses_go_into_the_reserve_until_it_is_full(
    disk: SmallDisk, records: Records, rows: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_log, "RESERVE_BYTES", 1 << 14)
    folder = disk.folder / "reads"
    log = AccessLog(folder)
    log.keep_reserve()
    log.append("app", "POST /predict", ["before"], NOW, "request")
    noted, fault = 0, ""
    with disk.full():
        while not fault:
            try:
                note(log, f"C{noted:04}")
                noted += 1
            except GuanjiaError as error:
                fault = str(error)
            log.rotate()
        assert "(No space left on device)" in fault
        assert 20 < noted < 1000
        outside = copy_log(records, folder)
        assert outside <= 2, "the reserve is still written to"
    log.rotate()
    assert outside + copy_log(records, folder) == 1 + noted
    kept = {customer for row in rows(reads) for customer in row["customer_ids"]}
    assert kept == {"before", *(f"C{number:04}" for number in range(noted))}
    assert len(list(folder.glob("*.reserve"))) == 1, "there is one for the next time"


def test_the_reserve_of_a_killed_process_is_copied(
    disk: SmallDisk, records: Records, rows: Any
) -> None:
    folder = disk.folder / "reads"
    log = AccessLog(folder)
    log.keep_reserve()
    with disk.full():
        note(log, "C1")
    log._reserve._file, file = -1, log._reserve._file  # type: ignore[union-attr]
    os.close(file)  # what the system does for who was killed
    assert copy_log(records, folder) == 1
    assert [one["customer_ids"] for one in rows(reads)] == [["C1"]]
    assert list(folder.glob("*.reserve")) == []


def test_half_a_line_does_not_spoil_the_next_one(
    home: Path, records: Records, rows: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that fills up takes the beginning of a line; later there is room again."""
    folder = log_folder(home)
    log = AccessLog(folder)
    note(log, "C1")
    write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda file, line: write(file, line[:10]))
        with pytest.raises(GuanjiaError, match="the disk is full"):
            note(log, "C2")
    note(log, "C3")
    log.rotate()
    assert copy_log(records, folder) == 2
    assert [one["customer_ids"] for one in rows(reads)] == [["C1"], ["C3"]]
