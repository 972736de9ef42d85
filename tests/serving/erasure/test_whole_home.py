"""A home in which everything was done, and customers who leave it: every file is searched."""

import gzip
import json
import shutil
import socket
import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from features.lake import Lake, sha256_of
from features.settings import Settings
from serving.records.database import Records
from serving.records.erasure import is_named
from serving.tokens import make_token

pytestmark = pytest.mark.slow
Run = Callable[..., Any]
Serving = Callable[..., AbstractContextManager[str]]
NO_PROCESS = 2**30
NOON = datetime(2026, 7, 1, 4, tzinfo=UTC)
POLICY = "exploration_share = 0.0\nholdout_share = 0.0\nmotor_margin_share = 1.0\n"
ALWAYS = """
[renewal_always]
label = "续保测试"
english = "Renewal, for tests"
family = "renewal"
loop = "trust"
purpose = { chinese = "续保", english = "renewal" }
orientation = { chinese = "续保", english = "renewal" }
strategy = { chinese = "续保", english = "renewal" }
kind = "marketing"
consent = "marketing"
uses_profile = true
role = "sales"
channels = ["sms"]
models = ["renewal"]

[renewal_always.trigger]
by = "system"
condition = "days_to_commercial_expiry >= 0"
once_per = "year"

[renewal_always.script.default]
chinese = "【{company}】{customer}您好。"
english = "[{company}] Dear {customer}."

[decision_points.tests]
label = "测试"
english = "Tests"
touchpoints = ["renewal_always"]
"""


PLACES = (
    "raw/customers/part-00000.parquet",
    "checked/policies.parquet",
    "events.db",
    "records.db",
    "feast/online.db",
    "scores/as_of=2026-06-30.parquet",
    "segments/as_of=2026-06-30.parquet",
    "clusters/as_of=2026-06-30.parquet",
    "tags/claims/as_of=2026-05-31.parquet",
    "truth/customers.parquet",
)


def named_in(home: Path, number: str) -> set[str]:
    """Every file that holds the number: its bytes, what is packed in it, and decoded cells."""
    written = [number.encode(code) for code in ("utf-8", "utf-16-le", "utf-16-be")]
    found = set()
    for path in sorted(home.rglob("*")):
        if not path.is_file():
            continue
        contents = [path.read_bytes(), *unpacked(path)]
        if any(one in content for one in written for content in contents) or cells(path, number):
            found.add(path.relative_to(home).as_posix())
    return found


def unpacked(path: Path) -> Iterator[bytes]:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as packed:
            yield from (packed.read(name) for name in packed.namelist())
    elif path.suffix == ".gz":
        yield gzip.decompress(path.read_bytes())


def cells(path: Path, number: str) -> bool:
    """Whether a cell of a Parquet file or of a database has the number in it."""
    if path.suffix == ".parquet":
        return any(
            pa.types.is_string(column.type) and pc.any(pc.match_substring(column, number)).as_py()
            for column in pq.read_table(path, partitioning=None).columns
        )
    if path.read_bytes()[:15] == b"SQLite format 3":
        with closing(sqlite3.connect(path)) as connection:
            return any(number in line for line in connection.iterdump())
    return False


def rows_of_others(home: Path, gone: set[str]) -> dict[str, Any]:
    """File -> its rows that are not of these customers, as they stand there."""
    found: dict[str, Any] = {}
    for path in sorted(home.rglob("[!.]*.parquet")):
        rows = pq.read_table(path, partitioning=None)
        if "customer_id" in rows.column_names:
            stay = pc.invert(pc.is_in(rows["customer_id"], value_set=pa.array(sorted(gone))))
            rows = rows.filter(pc.fill_null(stay, True))
        found[path.relative_to(home).as_posix()] = rows.combine_chunks()
    for path in sorted((home / "lists").glob("*.csv")):
        lines = path.read_bytes().splitlines()
        mine = [one.encode() for one in gone]
        found[path.name] = [line for line in lines if not any(one in line for one in mine)]
    return found


@dataclass
class Story:
    """What a home was before some customers left it, and what was answered meanwhile.

    `by_api` left by DELETE, `by_command` by `guanjia erase`; `numbers` are those of their policies,
    vehicles and claims, and their phones.
    """

    home: Path
    url: str
    raw: Path
    by_api: str
    by_command: list[str]
    stays: str
    numbers: list[str]
    places: dict[str, set[str]]
    others: dict[str, Any]
    answers: dict[str, httpx.Response]
    told: dict[str, Any]
    online: dict[str, Any]

    @property
    def gone(self) -> list[str]:
        return [self.by_api, *self.by_command]

    def ask(self, method: str, path: str, body: Any = None, **claims: Any) -> httpx.Response:
        return ask(self.home, self.url, method, path, body, **claims)


def ask(
    home: Path, url: str, method: str, path: str, body: Any = None, **claims: Any
) -> httpx.Response:
    settings = Settings(home=home, token_key=None)
    token = make_token(settings, claims.pop("subject", "tests"), datetime.now(UTC), **claims)
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.request(method, url + path, json=body, headers=headers, timeout=60)


def live(home: Path, url: str, customer: str) -> None:
    """All that a day leaves behind of a customer."""
    event = {
        "event_id": f"event of {customer}", "type": "mini_program_bound", "customer_id": customer,
        "occurred_at": "2026-07-01T11:00:00+08:00",
    }  # fmt: skip
    assert ask(home, url, "POST", "/v1/events", {"events": [event]}).status_code == 200
    refusal = {
        "client_key": f"refusal of {customer}", "purpose": "location", "granted": False,
        "changed_at": "2026-07-01T11:00:00+08:00",
    }  # fmt: skip
    done = ask(home, url, "POST", f"/v1/customers/{customer}/consents", refusal)
    assert done.status_code == 200, done.text
    assert ask(home, url, "POST", "/predict", {"customer_ids": [customer]}).status_code == 200
    wish = {"customer_id": customer, "decision_point": "tests", "client_key": f"first {customer}"}
    done = ask(home, url, "POST", "/decide", wish)
    assert done.status_code == 200, done.text
    told = {"kind": "read", "occurred_at": "2026-07-01T12:00:00+08:00", "customer_id": customer}
    body = {"outcomes": [{"client_key": f"outcome of {customer}", **told}]}
    assert ask(home, url, "POST", "/v1/outcomes", body).status_code in (200, 207)


@pytest.fixture(scope="module")
def story(
    demo: tuple[Path, dict[str, Any]],
    run: Run,
    serving: Serving,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Story]:
    home = tmp_path_factory.mktemp("erasure") / "home"
    shutil.copytree(demo[0], home)
    raw = home.with_name("raw")
    shutil.copytree(home / "raw", raw)
    (home / "policy.toml").write_text(POLICY, encoding="utf-8")
    (home / "touchpoints.toml").write_text(ALWAYS, encoding="utf-8")
    day = str(demo[1]["as_of"])
    for words in (
        ("tags", "--as-of", "2026-05-31"), ("segments", "--as-of", day),
        ("clusters", "--as-of", day), ("triggers", "--as-of", day),
    ):  # fmt: skip
        done = run(home, *words)
        assert done.returncode == 0, done.stderr[-2000:]
    (exported,) = (home / "lists").glob("*.csv")
    listed = list(pd.read_csv(exported)["客户号"])
    claims = pq.read_table(home / "checked" / "claims.parquet")["customer_id"].to_pylist()
    by_api, stays = listed[0], listed[1]
    by_command = [listed[2], next(one for one in claims if one not in listed[:3])]
    gone = {by_api, *by_command}
    with zipfile.ZipFile(home / "lists" / "campaign.xlsx", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/sharedStrings.xml", f"<si><t>{by_command[0]}</t></si>")
    # What a check and a computation of tags that were killed left behind.
    draft = f".costs.parquet.{socket.gethostname()}-{NO_PROCESS}-x.parquet"
    shutil.copy(home / "checked" / "costs.parquet", home / "checked" / draft)
    file = home / "tags" / "claims" / f"as_of={day}.parquet"
    shutil.copy(file, file.with_name(f".{file.name}.draft"))
    ahead = str((NOON - datetime.now(UTC)).total_seconds())
    folder = tmp_path_factory.mktemp("erasure-service")
    with serving(home, folder, GUANJIA_CLOCK_AHEAD_SECONDS=ahead) as url:
        for one in (*sorted(gone), stays):
            live(home, url, one)
        numbers = numbers_of(home, gone)
        places = {one: named_in(home, one) for one in gone}
        others = rows_of_others(home, gone)
        online = online_of(home, stays)
        answers = asked_to_leave(home, url, by_api, run)
        done = run(home, "erase", *by_command, "--who", "compliance", "--json")
        assert done.returncode == 0, done.stderr
        answers["finished"] = ask(home, url, "DELETE", f"/v1/customers/{by_api}")
        body = {"customer_ids": by_command}
        answers["by command"] = ask(home, url, "POST", "/predict", body)
        yield Story(
            home, url, raw, by_api, by_command, stays, numbers, places, others, answers,
            json.loads(done.stdout), online,
        )  # fmt: skip


def asked_to_leave(home: Path, url: str, customer: str, run: Run) -> dict[str, httpx.Response]:
    """What the API answers when a customer is erased through it, and afterwards."""
    answers: dict[str, httpx.Response] = {}
    address = f"/v1/customers/{customer}"
    elsewhere = branch_other_than(home, customer)
    answers["other branch"] = ask(home, url, "DELETE", address, branches=[elsewhere])
    answers["nobody"] = ask(home, url, "DELETE", "/v1/customers/C99999999")
    answers["first"] = ask(home, url, "DELETE", address)
    answers["again"] = ask(home, url, "DELETE", address)
    answers["other branch again"] = ask(
        home, url, "DELETE", address, branches=[elsewhere], subject="desk"
    )
    answers["predict"] = ask(home, url, "POST", "/predict", {"customer_ids": [customer]})
    wish = {"customer_id": customer, "decision_point": "tests"}
    answers["decide"] = ask(home, url, "POST", "/decide", wish)
    answers["consents"] = ask(home, url, "GET", f"{address}/consents")
    event = {
        "event_id": "late", "type": "mini_program_bound", "customer_id": customer,
        "occurred_at": "2026-07-01T11:30:00+08:00",
    }  # fmt: skip
    answers["event"] = ask(home, url, "POST", "/v1/events", {"events": [event]})
    # A load of the snapshot that still has him.
    loaded = run(home, "materialize", "--now", "2026-07-01T12:00+08:00")
    assert loaded.returncode == 0, loaded.stderr
    answers["loaded"] = ask(home, url, "POST", "/predict", {"customer_ids": [customer]})
    return answers


def numbers_of(home: Path, customers: set[str]) -> list[str]:
    """What else stands for customers: their policies, vehicles and claims, their phones."""
    found: list[str] = []
    for table, column in (
        ("policies", "policy_id"), ("vehicles", "vehicle_id"), ("claims", "claim_id"),
        ("customers", "phone"),
    ):  # fmt: skip
        rows = pq.read_table(home / "checked" / f"{table}.parquet").to_pandas()
        mine = set(rows.loc[rows["customer_id"].isin(customers), column].dropna())
        found += sorted(mine - set(rows.loc[~rows["customer_id"].isin(customers), column]))
    return found


def branch_other_than(home: Path, customer: str) -> str:
    rows = pq.read_table(home / "checked" / "customers.parquet").to_pylist()
    (own,) = {row["branch"] for row in rows if row["customer_id"] == customer}
    return min({str(row["branch"]) for row in rows if row["branch"]} - {own})


def online_of(home: Path, customer: str) -> dict[str, Any]:
    with closing(sqlite3.connect(home / "feast" / "online.db")) as connection:
        tables = [
            name
            for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
            if name != "layouts"
        ]
        query = 'SELECT layout, tags FROM "{}" WHERE customer_id = ?'
        return {one: connection.execute(query.format(one), [customer]).fetchall() for one in tables}


def test_they_were_everywhere(story: Story) -> None:
    """Else the searches below would prove nothing."""
    for one in story.gone:
        for place in PLACES:
            held = story.places[one]
            # What SQLite wrote last is in its log.
            assert place in held or f"{place}-wal" in held, (one, place)
        assert len(story.places[one]) > 40
    assert len(story.numbers) > 9


def test_they_are_nowhere(story: Story) -> None:
    left = {number: named_in(story.home, number) for number in [*story.gone, *story.numbers]}
    assert {number: places for number, places in left.items() if places} == {}
    assert not (story.home / "lists" / "campaign.xlsx").exists()


def test_others_keep_every_row_where_it_was(story: Story) -> None:
    after = rows_of_others(story.home, set(story.gone))
    assert after.keys() == story.others.keys()
    for place, rows in story.others.items():
        assert rows.equals(after[place]) if hasattr(rows, "equals") else rows == after[place], place
        if hasattr(rows, "schema"):
            assert rows.schema.equals(after[place].schema, check_metadata=True), place
    assert online_of(story.home, story.stays) == story.online
    records = Records(Settings(home=story.home))
    with records.reading() as connection:
        assert is_named(connection, story.stays)
    records.close()


def test_the_api_knows_them_no_more_from_the_first_answer_on(story: Story) -> None:
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
    assert finished["rows"]["online"] == 8
    assert finished["rows"]["decisions"] == 1


def test_the_command_says_what_it_did(story: Story) -> None:
    receipts = {one["customer"]: one for one in story.told["receipts"]}
    # Whom the API erased before is finished along with them, unnamed.
    assert receipts.keys() == {None, *story.by_command}
    for one in story.by_command:
        assert receipts[one]["asked_by"] == "compliance"
        assert receipts[one]["rows"]["checked/customers"] == 1
        assert receipts[one]["rows"]["events"] == 2  # what was told, and the consent
    assert story.told["left"] == []


def test_commands_go_on_as_if_they_had_never_been(story: Story, run: Run, tmp_path: Path) -> None:
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


def test_who_is_delivered_again_is_left_out(story: Story, run: Run, tmp_path: Path) -> None:
    home = tmp_path / "copy"
    shutil.copytree(story.home, home)
    shutil.rmtree(home / "raw")
    shutil.copytree(story.raw, home / "raw")
    done = run(home, "check", "--json")
    assert done.returncode == 0, done.stderr
    told = {one["table"]: one for one in json.loads(done.stdout)}
    assert told["customers"]["erased"] == 3
    assert told["policies"]["erased"] >= 3
    for one in story.gone:
        assert {place.split("/")[0] for place in named_in(home, one)} == {"raw"}
    # The core system must erase them too; until then the raw files can be cleaned again.
    done = run(home, "erase", "--again", "--json")
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["receipts"]) == 3
    assert [named_in(home, one) for one in story.gone] == [set()] * 3


def test_a_number_nobody_has_erases_nobody(story: Story, run: Run) -> None:
    before = (story.home / "erased.json").read_bytes()
    done = run(story.home, "erase", "C99999999")
    assert done.returncode == 2
    assert "customer C99999999: is nowhere under" in done.stderr
    assert (story.home / "erased.json").read_bytes() == before
    assert run(story.home, "erase").returncode == 2
    done = run(story.home, "erase", "--pending", "--json")
    assert json.loads(done.stdout) == {"receipts": [], "left": []}


def test_again_is_the_same_receipt(story: Story, run: Run) -> None:
    (one, *_) = story.by_command
    first = {found["customer"]: found for found in story.told["receipts"]}[one]
    done = run(story.home, "erase", one, "--json")
    assert done.returncode == 0, done.stderr
    (again,) = json.loads(done.stdout)["receipts"]
    assert again == first


def test_the_degraded_answer_does_not_know_them_either(story: Story, tmp_path: Path) -> None:
    """Between DELETE and the files, with the online store away: the snapshot still has him."""
    from features.erased import Erased, Unfinished, erasure_key, pseudonym
    from serving.predict import Door, UnknownCustomerError

    home = tmp_path / "copy"
    for folder in ("tags", "snapshots", "models"):
        shutil.copytree(story.home / folder, home / folder)
    lake = Lake(Settings(home=home))
    door = Door(lake)
    (row,), degraded = door.tags([story.stays], ["star_level"])
    assert (degraded, row["known"]) == (True, True)
    mark = pseudonym(erasure_key(lake.settings), story.stays)
    with Erased(lake.settings).changing() as marks:
        marks[mark] = Unfinished()
    with pytest.raises(UnknownCustomerError, match="is not known"):
        door.tags([story.stays], ["star_level"])
