"""`/v1/lists` over HTTP: scopes, branches, masks, hashes."""

import csv
import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from features.lake import Lake, ServedLake
from serving.api.app import create_app
from serving.api.guard import Read
from serving.auth.access import SCOPES
from serving.auth.tokens import make_token
from serving.records.database import Records
from serving.records.tables import exports

Copy = Callable[..., Lake]
pytestmark = pytest.mark.slow
OWN = {"name": "own_list", "label": "自有名单", "model": "churn", "where": "star >= 2", "size": 30}
NAMES = ("lists:read", "lists:write", "lists:release", "lists:export")
Ask = Callable[..., httpx.Response]


class Desk:
    """The app over a home, with callers of any scope and branch, and what they read."""

    def __init__(self, lake: Lake) -> None:
        self.lake = lake
        self.reads: list[Read] = []
        app = create_app()
        app.state.service = SimpleNamespace(lake=ServedLake(lake.settings))
        app.state.records = self.records = Records(lake.settings)
        self.records.migrate()
        app.state.on_read = self.reads.append
        self._client = TestClient(app)

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        scopes: tuple[str, ...] = NAMES,
        branches: list[str] | None = None,
        who: str = "li",
    ) -> httpx.Response:
        at = datetime.now(UTC)
        token = make_token(self.lake.settings, who, at, scopes=scopes, branches=branches)
        headers = {"Authorization": f"Bearer {token}"}
        return self._client.request(method, f"/v1/lists{path}", json=body, headers=headers)


@pytest.fixture
def desk(copy: Copy) -> Iterator[Desk]:
    found = Desk(copy("scores", "checked"))
    yield found
    found.records.close()


def released(desk: Desk, **changes: Any) -> dict[str, Any]:
    assert desk.ask("POST", "", {"definition": OWN | changes}).status_code == 200
    done = desk.ask("POST", "/own_list/releases", {})
    assert done.status_code == 200, done.text
    told: dict[str, Any] = done.json()
    return told


def test_a_list_is_defined_previewed_released_and_exported(desk: Desk) -> None:
    draft = desk.ask("POST", "/preview", {"definition": OWN}).json()
    count = desk.ask("POST", "/count", {"definition": OWN}).json()["customers"]
    assert draft["waterfall"][0]["customers"] == count
    release = released(desk)
    sent = draft["waterfall"][-1]["customers"]
    assert desk.ask("GET", "/own_list/preview").json()["waterfall"] == draft["waterfall"]
    page = desk.ask("GET", "/own_list/preview/sent?limit=7").json()
    assert (page["total"], len(page["customer_ids"])) == (sent, 7)
    assert desk.reads[-1].customer_ids == tuple(page["customer_ids"])
    file = desk.ask("GET", "/own_list/releases/latest/file?why=test")
    assert file.headers["content-type"].startswith("text/csv")
    _, *rows = list(csv.reader(io.StringIO(file.content.decode("utf-8-sig"))))
    assert len(rows) == sent
    with desk.records.reading() as connection:
        (noted,) = connection.execute(exports.select()).mappings()
    assert (noted["rows"], noted["subject"], noted["purpose"]) == (sent, "li", "test")
    assert all(row[-1] == noted["export_id"] for row in rows)
    told = desk.ask("GET", "/own_list/releases").json()["releases"]
    assert [one["content_hash"] for one in told] == [release["content_hash"]]
    listed = desk.ask("GET", "").json()["lists"]
    assert {one["name"] for one in listed} >= {"renewal_risk", "own_list"}
    again = desk.ask("POST", "", {"definition": OWN | {"size": 5}, "note": "fewer"}).json()
    assert again["version"] == 2
    assert desk.ask("GET", "/own_list?version=1").json()["definition"]["size"] == 30
    (change,) = desk.ask("GET", "/own_list/diff?before=1").json()["differences"]
    assert (change["chinese"], change["english"]) == ("人数上限：30 → 5", "size: 30 -> 5")
    assert desk.ask("GET", "/own_list/versions").json()["releases"] == 1


def test_names_and_numbers_are_masked_but_for_who_may_read_customers(desk: Desk) -> None:
    released(desk)
    masked = desk.ask("GET", "/own_list/releases/latest/members?limit=5").json()["members"]
    assert desk.ask("GET", "/own_list/releases/latest/people").status_code == 403
    path = "/own_list/releases/latest/people?limit=5"
    whole = desk.ask("GET", path, scopes=("customers:read",)).json()["members"]
    assert [one["customer_id"] for one in masked] == [one["customer_id"] for one in whole]
    for hidden, shown in zip(masked, whole, strict=True):
        assert hidden["name"] != shown["name"]
        assert "*" in hidden["phone"]
        assert shown["phone"].isdecimal()
    path = "/own_list/releases/latest/file"
    assert whole[0]["phone"] not in desk.ask("GET", path).text
    assert whole[0]["phone"] in desk.ask("GET", path, scopes=(*NAMES, "customers:read")).text


def test_a_token_of_a_branch_sees_its_own_customers_alone(desk: Desk) -> None:
    release = released(desk)
    members = desk.ask("GET", "/own_list/releases/latest/members?limit=1000").json()["members"]
    branch = members[0]["branch"]
    stranger = next(one["customer_id"] for one in members if one["branch"] != branch)

    def theirs(method: str, path: str, body: Any = None) -> httpx.Response:
        return desk.ask(method, path, body, (*NAMES, "customers:read"), [branch])

    unknown = theirs("GET", "/own_list/why/C99999999")
    foreign = theirs("GET", f"/own_list/why/{stranger}")
    assert unknown.status_code == foreign.status_code == 404
    assert unknown.text.replace("C99999999", stranger) == foreign.text
    for path in ("members", "people"):
        page = theirs("GET", f"/own_list/releases/latest/{path}?limit=1000").json()["members"]
        assert page
        assert {one["branch"] for one in page} == {branch}
    assert stranger not in theirs("GET", "/own_list/releases/latest/file").text
    assert theirs("GET", "/own_list/preview").json()["branches"].keys() == {branch}
    for step in ("sent", "consent", "holdout", "size"):
        page = theirs("GET", f"/own_list/preview/{step}?limit=1000").json()["customer_ids"]
        assert stranger not in page
    (told,) = theirs("GET", "/own_list/releases").json()["releases"]
    assert (told["members"], told["left_out"]) == (None, None)
    assert release["members"] is not None
    whole = desk.ask("POST", "/count", {"definition": OWN}).json()["customers"]
    own = theirs("POST", "/count", {"definition": OWN}).json()["customers"]
    assert 0 < own < whole


def test_every_endpoint_asks_for_its_scope(desk: Desk) -> None:
    endpoints = [
        ("GET", "", "lists:read"),
        ("POST", "", "lists:write"),
        ("POST", "/preview", "lists:read"),
        ("POST", "/count", "lists:read"),
        ("GET", "/renewal_risk", "lists:read"),
        ("GET", "/renewal_risk/preview", "lists:read"),
        ("GET", "/renewal_risk/preview/sent", "lists:read"),
        ("GET", "/renewal_risk/why/C1", "lists:read"),
        ("POST", "/renewal_risk/releases", "lists:release"),
        ("POST", f"/renewal_risk/releases/{'0' * 30}/approval", "lists:release"),
        ("GET", "/renewal_risk/releases/latest/members", "lists:read"),
        ("GET", "/renewal_risk/releases/latest/people", "customers:read"),
        ("GET", "/renewal_risk/releases/latest/file", "lists:export"),
    ]
    for method, path, scope in endpoints:
        others = tuple(name for name in SCOPES if name != scope)
        assert desk.ask(method, path, {}, scopes=others).status_code == 403, path


def test_what_is_wrong_is_said_with_its_status(desk: Desk) -> None:
    wrong = [
        (OWN | {"where": "star >> 3"}, 422),
        (OWN | {"where": "sta >= 3"}, 404),
        (OWN | {"size": 0}, 422),
        (OWN | {"order": "churn sideways"}, 422),
        (OWN | {"model": "no_such"}, 422),
        (OWN | {"colour": "red"}, 422),
    ]
    for definition, status in wrong:
        answer = desk.ask("POST", "", {"definition": definition})
        assert answer.status_code == status, (definition, answer.text)
    assert desk.ask("GET", "/no_such_list").status_code == 404
    assert desk.ask("GET", "/own_list/releases/latest/members").status_code == 404
    assert desk.ask("GET", "/renewal_risk/preview/no_rule").status_code == 404


def test_a_second_person_approves_by_the_hash(copy: Copy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GUANJIA_RELEASE_ALONE", "3")
    lake = copy("scores", "checked")
    desk = Desk(lake)
    release = released(desk)
    assert release["state"] == "waiting"
    path = f"/own_list/releases/{release['release_id']}"
    # Whoever approves may look; nobody may take the list away yet.
    assert desk.ask("GET", f"{path}/members", who="wang").status_code == 200
    assert desk.ask("GET", f"{path}/file", who="wang").status_code == 409
    body = {"content_hash": release["content_hash"]}
    assert desk.ask("POST", f"{path}/approval", body).status_code == 409
    assert desk.ask("POST", f"{path}/approval", {"content_hash": "0" * 64}, who="wang").is_error
    done = desk.ask("POST", f"{path}/approval", body, who="wang").json()
    assert (done["state"], done["approved_by"]) == ("released", "wang")
    assert desk.ask("GET", f"{path}/file").status_code == 200
    desk.records.close()
