"""Customers leave a home in which everything was done: every file is searched afterwards."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from features.erased import Erased, UnfinishedErasure, erasure_key, pseudonym
from features.lake import Lake, sha256_of
from features.settings import Settings
from serving.predictions.service import PredictionService
from serving.predictions.unknown_customers import UnknownCustomerError
from serving.records.database import Records
from serving.records.people.erase_records import has_records

pytestmark = pytest.mark.slow
Run = Callable[..., Any]
PLACES = (
    "raw/customers/part-00000.parquet",
    "checked/policies.parquet",
    "events.db",
    "records.db",
    "scores/as_of=2026-06-30.parquet",
    "segments/as_of=2026-06-30.parquet",
    "clusters/as_of=2026-06-30.parquet",
    "tags/claims/as_of=2026-05-31.parquet",
    "truth/customers.parquet",
)


def test_before_their_erasure_customers_are_in_every_place(story: Any) -> None:
    """Else the searches below would prove nothing."""
    for one in story.gone:
        for place in PLACES:
            held = story.places[one]
            # What SQLite wrote last is in its log.
            assert place in held or f"{place}-wal" in held, (one, place)
        assert any(place.startswith("feast/online") for place in story.places[one]), one
        assert any(place.startswith("published/") for place in story.places[one]), one
        assert len(story.places[one]) > 40
    assert len(story.numbers) > 9


def test_after_their_erasure_customers_are_in_no_file(story: Any) -> None:
    left = story.named([*story.gone, *story.numbers])
    assert {number: places for number, places in left.items() if places} == {}
    assert not (story.home / "lists" / "campaign.xlsx").exists()


def test_other_customers_keep_every_row_where_it_was(story: Any) -> None:
    after = story.others_now()
    assert after.keys() == story.others.keys()
    for place, rows in story.others.items():
        assert rows.equals(after[place]) if hasattr(rows, "equals") else rows == after[place], place
        if hasattr(rows, "schema"):
            assert rows.schema.equals(after[place].schema, check_metadata=True), place
    assert story.online_now() == story.online
    records = Records(Settings(home=story.home))
    with records.reading() as connection:
        assert has_records(connection, story.stays)
    records.close()


def test_the_api_knows_them_no_more_from_the_first_answer_on(story: Any) -> None:
    codes = {name: answer.status_code for name, answer in story.answers.items()}
    assert codes == {
        "other branch": 404, "nobody": 404, "first": 202, "again": 202, "other branch again": 404,
        "predict": 404, "decide": 404, "consents": 404, "event": 422, "loaded": 404,
        "finished": 200, "by command": 404,
    }  # fmt: skip
    nobody = story.answers["nobody"].text.replace("C99999999", story.by_api)
    for name in ("other branch", "other branch again", "predict", "decide"):
        assert story.answers[name].text == nobody, name
    first, again, finished = (story.answers[n].json() for n in ("first", "again", "finished"))
    same = ("receipt_id", "customer_hash", "erased_at")
    assert [first[n] for n in same] == [again[n] for n in same] == [finished[n] for n in same]
    assert (first["finished"], again["finished"], finished["finished"]) == (False, False, True)
    assert story.by_api not in first["customer_hash"]
    assert finished["rows"]["raw/customers"] == finished["rows"]["scores"] == 1
    assert finished["rows"]["online"] == 9  # eight tag groups, and contact details
    assert finished["rows"]["decisions"] == 1


def test_the_command_says_what_it_did(story: Any) -> None:
    receipts = {one["customer"]: one for one in story.told["receipts"]}
    # Whom the API erased before is finished along with them, unnamed.
    assert receipts.keys() == {None, *story.by_command}
    for one in story.by_command:
        assert receipts[one]["asked_by"] == "compliance"
        assert receipts[one]["rows"]["checked/customers"] == 1
        assert receipts[one]["rows"]["events"] == 2  # what was told, and the consent
    assert story.told["left"] == []


def test_commands_go_on_as_if_they_had_never_been(story: Any, run: Run, tmp_path: Path) -> None:
    """The manifests are true again, scores belong to them, and a rebuild is the same, byte for
    byte."""
    home = tmp_path / "copy"
    shutil.copytree(story.home, home)
    day = "2026-06-30"
    manifest = json.loads((home / "snapshots" / f"{day}.json").read_text())
    assert manifest["customers"] == 897
    assert len(manifest["former_ids"]) == 1
    for words in (
        ("list", "renewal_risk", "--as-of", day, "--out", str(tmp_path / "list.csv")),
        ("check",), ("tags", "--as-of", day, "--whole"), ("score", "--as-of", day),
        ("monitor", "--model", "renewal", "--as-of", day), ("tags", "--as-of", "2026-07-01"),
    ):  # fmt: skip
        done = run(home, *words)
        assert done.returncode in (0, 1 if words[0] == "monitor" else 0), (words, done.stderr)
    again = json.loads((home / "snapshots" / f"{day}.json").read_text())
    assert again["snapshot_id"] == manifest["snapshot_id"]
    assert again["files"] == manifest["files"]
    for model in sorted((story.home / "models").rglob("*.*")):
        assert sha256_of(model) == sha256_of(home / model.relative_to(story.home))


def test_who_is_delivered_again_is_left_out(story: Any, run: Run, tmp_path: Path) -> None:
    home = tmp_path / "copy"
    shutil.copytree(story.home, home)
    shutil.rmtree(home / "raw")
    shutil.copytree(story.raw, home / "raw")
    done = run(home, "check", "--json")
    assert done.returncode == 0, done.stderr
    told = {one["table"]: one for one in json.loads(done.stdout)["tables"]}
    assert told["customers"]["erased"] == 3
    assert told["policies"]["erased"] >= 3
    for places in story.named(story.gone, home).values():
        assert {place.split("/")[0] for place in places} == {"raw"}
    # The core system must erase them too; until then the raw files can be cleaned again.
    done = run(home, "erase", "--again", "--json")
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["receipts"]) == 3
    assert [*story.named(story.gone, home).values()] == [set()] * 3


def test_a_number_nobody_has_erases_nobody(story: Any, run: Run) -> None:
    before = (story.home / "erased.json").read_bytes()
    done = run(story.home, "erase", "C99999999")
    assert done.returncode == 2
    assert "customer C99999999: is nowhere under" in done.stderr
    assert (story.home / "erased.json").read_bytes() == before
    assert run(story.home, "erase").returncode == 2
    done = run(story.home, "erase", "--pending", "--json")
    assert json.loads(done.stdout) == {"receipts": [], "left": []}


def test_again_is_the_same_receipt(story: Any, run: Run) -> None:
    (one, *_) = story.by_command
    first = {found["customer"]: found for found in story.told["receipts"]}[one]
    done = run(story.home, "erase", one, "--json")
    assert done.returncode == 0, done.stderr
    (again,) = json.loads(done.stdout)["receipts"]
    assert again == first


def test_the_degraded_answer_does_not_know_them_either(story: Any, tmp_path: Path) -> None:
    """Between DELETE and the files, with the online store away: the snapshot still has him."""
    home = tmp_path / "copy"
    for folder in ("tags", "snapshots", "models"):
        shutil.copytree(story.home / folder, home / folder)
    lake = Lake(Settings(home=home))
    service = PredictionService(lake)
    (row,), degraded = service.tags([story.stays], ["star_level"])
    assert (degraded, row["known"]) == (True, True)
    mark = pseudonym(erasure_key(lake.settings), story.stays)
    with Erased(lake.settings).changing() as marks:
        marks[mark] = UnfinishedErasure()
    with pytest.raises(UnknownCustomerError, match="is not known"):
        service.tags([story.stays], ["star_level"])
