"""`/v1/conditions` over HTTP: forms, counts, branches, scopes, refusals."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from drawn_snapshots import DAY, drawn, publish
from fastapi.testclient import TestClient

from features.lake import Lake, ServedLake
from features.settings import Settings
from serving.api.app import create_app
from serving.auth.tokens import make_token
from serving.records.database import Records

ROWS = 600
Ask = Callable[..., httpx.Response]


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    lake = Lake(Settings(home=tmp_path_factory.mktemp("conditions")))
    publish(lake, drawn(ROWS), ROWS)
    app = create_app()
    app.state.service = SimpleNamespace(lake=ServedLake(lake.settings))
    app.state.records = records = Records(lake.settings)
    records.migrate()
    app.state.on_read = lambda read: None
    client = TestClient(app)

    def post(
        path: str, body: Any, scope: str = "lists:read", branches: list[str] | None = None
    ) -> httpx.Response:
        at = datetime.now(UTC)
        token = make_token(lake.settings, "li", at, scopes=(scope,), branches=branches)
        headers = {"Authorization": f"Bearer {token}"}
        return client.post(f"/v1/conditions/{path}", json=body, headers=headers)

    yield post
    records.close()


def test_a_condition_is_told_in_all_its_forms_with_its_counts(ask: Ask) -> None:
    answer = ask("count", {"conditions": ["渠道=代理且星级≥３", {"segment": "高价值客户"}]})
    assert answer.status_code == 200, answer.text
    first, second = answer.json()["conditions"]
    assert first["plain"] == "channel = 'agent' and star_level >= 3"
    assert first["chinese"] == "渠道 = 代理 且 星级 ≥ 3"
    assert first["structure"]["all"][1] == {"column": "star_level", "operator": ">=", "value": 3}
    columns = drawn(ROWS)
    agents = [channel == "agent" for channel in columns["channel"]]
    gold = [star >= 3 for star in columns["star_level"]]
    both = [agent and star for agent, star in zip(agents, gold, strict=True)]
    assert [part["customers"] for part in first["parts"]] == [sum(both), sum(agents), sum(gold)]
    assert (first["as_of"], first["of"], first["customers"]) == (str(DAY), ROWS, sum(both))
    assert (second["plain"], second["chinese"]) == ("high_value", "高价值客户")
    again = ask("count", {"conditions": [first["structure"], first["plain"], first["chinese"]]})
    assert [told["customers"] for told in again.json()["conditions"]] == [sum(both)] * 3


def test_only_customers_of_the_callers_branches_are_counted(ask: Ask) -> None:
    body = {"conditions": ["star >= 1"]}
    whole = ask("count", body).json()["conditions"][0]
    parts = [ask("count", body, branches=[f"B0{n}"]).json()["conditions"][0] for n in (1, 2, 3)]
    assert whole["customers"] == ROWS == sum(part["customers"] for part in parts)
    assert parts[0]["of"] == drawn(ROWS)["branch"].count("B01")
    shared = {"conditions": {"all": "star >= 1", "gold": "星级 ≥ 3"}}
    assert ask("overlap", shared, branches=["B02"]).json()["of"] == parts[1]["of"]


def test_the_overlap_is_told(ask: Ask) -> None:
    body = {"conditions": {"gold": "星级 ≥ 3", "silver": "star <= 3"}}
    told = ask("overlap", body).json()
    threes = drawn(ROWS)["star_level"].count(3)
    assert told["shared"] == {"gold": {"silver": threes}, "silver": {"gold": threes}}
    assert told["in_any"] == told["of"] == ROWS


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        ("渠道 = 代里", "did you mean 代理?"),
        ("机构 = B09", "which no customer has"),
        ("star >= 3; drop table x", "cannot be read at '3; drop table x'"),
        ({"column": "star_level", "operator": "like", "value": 1}, "unknown operator like"),
    ],
)
def test_a_faulty_condition_is_refused(ask: Ask, condition: Any, sentence: str) -> None:
    for path, conditions in (("count", [condition]), ("overlap", {"x": condition})):
        answer = ask(path, {"conditions": conditions})
        assert answer.status_code == 422
        assert sentence in answer.text


def test_lists_read_is_needed(ask: Ask) -> None:
    for path in ("count", "overlap"):
        assert ask(path, {"conditions": ["star = 1"]}, scope="lists:export").status_code == 403


def test_nothing_is_refused_and_an_unknown_name_is_not_found(ask: Ask) -> None:
    assert ask("count", {"conditions": []}).status_code == 422
    answer = ask("count", {"conditions": ["流失概率 > 0.5"]})
    assert answer.status_code == 404
    assert "churn (180天流失概率)" in answer.text
