"""A home in which everything was done, customers who leave it, and the search of every file."""

import gzip
import json
import shutil
import socket
import sqlite3
import zipfile
from collections.abc import Callable, Collection, Iterator
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

from features.lake.pointer import read_pointer
from features.online.store import slot_file
from features.settings import Settings
from serving.auth.tokens import make_token

Run = Callable[..., Any]
Serving = Callable[..., AbstractContextManager[str]]
NO_PROCESS = 2**30
NOON = datetime(2026, 7, 1, 4, tzinfo=UTC)


def named_in(home: Path, numbers: Collection[str]) -> dict[str, set[str]]:
    """Number -> every file that holds it: its bytes, what is packed in it, and decoded cells."""
    found: dict[str, set[str]] = {number: set() for number in numbers}
    for path in sorted(home.rglob("*")):
        if not path.is_file():
            continue
        contents = [path.read_bytes(), *unpacked(path), *cells(path)]
        for number, places in found.items():
            written = [number.encode(code) for code in ("utf-8", "utf-16-le", "utf-16-be")]
            if any(one in content for one in written for content in contents):
                places.add(path.relative_to(home).as_posix())
    return found


def unpacked(path: Path) -> Iterator[bytes]:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as packed:
            yield from (packed.read(name) for name in packed.namelist())
    elif path.suffix == ".gz":
        yield gzip.decompress(path.read_bytes())


def cells(path: Path) -> Iterator[bytes]:
    """The texts in a Parquet file or a database, a column or a row a line."""
    if path.suffix == ".parquet":
        for column in pq.read_table(path, partitioning=None).columns:
            if pa.types.is_string(column.type):
                values = pc.unique(column).drop_null().to_pylist()
                yield "\n".join(values).encode()
    if path.read_bytes()[:15] == b"SQLite format 3":
        with closing(sqlite3.connect(path)) as connection:
            yield "\n".join(connection.iterdump()).encode()


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

    def named(self, numbers: Collection[str], home: Path | None = None) -> dict[str, set[str]]:
        """Number -> files that hold it now."""
        return named_in(home or self.home, numbers)

    def others_now(self) -> dict[str, Any]:
        return rows_of_others(self.home, set(self.gone))

    def online_now(self) -> dict[str, Any]:
        return online_of(self.home, self.stays)


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
    one_touchpoint: Callable[[Path], None],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Story]:
    home = tmp_path_factory.mktemp("erasure") / "home"
    shutil.copytree(demo[0], home)
    raw = home.with_name("raw")
    shutil.copytree(home / "raw", raw)
    one_touchpoint(home)
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
        places = named_in(home, gone)
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
    day = read_pointer(home)
    with closing(sqlite3.connect(slot_file(home, day.slot if day else ""))) as connection:
        tables = [
            name
            for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
            if name != "layouts"
        ]
        query = 'SELECT layout, tags FROM "{}" WHERE customer_id = ?'
        return {one: connection.execute(query.format(one), [customer]).fetchall() for one in tables}
