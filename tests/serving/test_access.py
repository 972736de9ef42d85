"""What a request passes before its endpoint: token, rate, scope, then the body; and who reads."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from features.errors import GuanjiaError
from features.lake import Lake
from features.settings import Settings
from serving.api.app import create_app
from serving.api.door.rate_limit import RateLimit
from serving.api.door.request_limiter import RequestLimiter
from serving.api.guard import Read, guarded
from serving.auth.access import ENDPOINTS, SCOPES, scope_of
from serving.auth.tokens import make_token
from serving.schemas import PredictRequest, PredictResponse, Refusal

NOW = datetime.now(UTC)
ONE: dict[str, Any] = {"customer_ids": ["C1"]}
Answer = Callable[[PredictRequest, frozenset[str] | None], PredictResponse]


class Here:
    """The app behind its gate; its service answers as a test says, and knows no customer's data."""

    def __init__(self, home: Path) -> None:
        self.settings = Settings(home=home, token_key=None)
        self.asked: list[frozenset[str] | None] = []
        self.app = create_app()
        self.app.state.service = SimpleNamespace(
            lake=Lake(self.settings), answer=self.answer, is_local=True
        )
        self.gate = RequestLimiter(self.app, self.app)

    def answer(
        self, _body: PredictRequest, _at: datetime, branches: frozenset[str] | None
    ) -> PredictResponse:
        self.asked.append(branches)
        return PredictResponse(
            model_versions={}, models_confirmed=True, degraded=False, predictions=[]
        )

    def token(self, *scopes: str, subject: str = "app", branches: Any = None) -> str:
        return make_token(self.settings, subject, NOW, scopes=scopes or None, branches=branches)

    def send(self, *tokens: str, body: Any = ONE, query: str = "") -> list[httpx.Response]:
        """`POST /predict` with each token, all at once."""

        async def post() -> list[httpx.Response]:
            transport = httpx.ASGITransport(app=self.gate)
            async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
                return await asyncio.gather(
                    *(
                        client.post(
                            f"/predict{query}",
                            json=body,
                            headers={"Authorization": f"Bearer {one}"},
                        )
                        for one in tokens
                    )
                )

        return asyncio.run(post())

    def one(self, token: str, body: Any = ONE) -> httpx.Response:
        (found,) = self.send(token, body=body)
        return found


@pytest.fixture
def here(home: Path) -> Here:
    return Here(home)


def fault(response: httpx.Response, status: int) -> str:
    assert response.status_code == status, response.text
    (found,) = Refusal.model_validate_json(response.text).faults
    assert found.cure
    return f"{found.thing}: {found.fault}"


def test_each_scope_opens_its_own_endpoint_and_no_other(here: Here) -> None:
    answer = here.one(here.token("predict"))
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    every_other = [name for name in SCOPES if name != "predict"]
    response = here.one(here.token(*every_other))
    assert fault(response, 403) == "token: does not have the scope predict"
    assert "guanjia token --scope predict" in response.json()["faults"][0]["cure"]
    assert len(here.asked) == 1


def test_who_may_not_learns_nothing_of_the_body(here: Here) -> None:
    assert fault(here.one(here.token("events"), {"nonsense": 1}), 403).startswith("token")
    assert fault(here.one("a.b.c", {"nonsense": 1}), 401).startswith("token")
    assert fault(here.one(here.token("predict"), {"customer_ids": []}), 422) == (
        "customer_ids: List should have at least 1 item after validation, not 0"
    )


def test_a_parameter_that_is_not_declared_is_refused(here: Here) -> None:
    (response,) = here.send(here.token(), query="?customer_id=C1")
    assert fault(response, 422) == "customer_id: Extra inputs are not permitted"
    (response,) = here.send(here.token("events"), query="?customer_id=C1")
    assert fault(response, 403).startswith("token")
    assert here.asked == []


def test_an_endpoint_without_a_scope_does_not_start() -> None:
    router = guarded()
    with pytest.raises(
        GuanjiaError, match=r"endpoint GET /v1/secrets: has no declared scope\. Add"
    ):
        router.get("/v1/secrets")(lambda: None)
    # Another method of a known address is another endpoint.
    with pytest.raises(GuanjiaError, match="endpoint GET /predict: has no declared scope"):
        router.get("/predict")(lambda: None)
    assert [scope_of(*endpoint.split(" ")) for endpoint in ENDPOINTS] == list(ENDPOINTS.values())


def test_every_endpoint_of_the_app_is_guarded(here: Here) -> None:
    """Whatever is added, by whatever router: the document knows of no endpoint without a scope."""
    assert endpoints(here.app) == {name: [scope] for name, scope in ENDPOINTS.items()}
    here.app.get("/open")(lambda: None)
    here.app.openapi_schema = None
    assert endpoints(here.app)["GET /open"] == []


def endpoints(app: FastAPI) -> dict[str, list[str]]:
    return {
        f"{method.upper()} {path}": [
            scope
            for one in operation.get("security", [])
            for scopes in one.values()
            for scope in scopes
        ]
        for path, operations in app.openapi()["paths"].items()
        for method, operation in operations.items()
    }


def test_branches_of_the_token_reach_the_service(here: Here) -> None:
    here.send(here.token(), here.token(branches=["杭州", "宁波"]))
    assert set(here.asked) == {None, frozenset({"杭州", "宁波"})}


def test_a_subject_that_asks_too_often_waits_and_nobody_else(here: Here) -> None:
    here.app.state.rate_limit = RateLimit(per_second=0.25, burst=2)
    app, desk = here.token(subject="app"), here.token(subject="desk")
    # A second token of the same subject is no way round it.
    other = here.token("predict", subject="app")
    assert [one.status_code for one in here.send(app, other)] == [200, 200]
    waiting = here.one(app)
    assert fault(waiting, 429) == "token: is used too often"
    assert 1 <= int(waiting.headers["retry-after"]) <= 4
    assert here.one(desk).status_code == 200
    assert fault(here.one("a.b.c"), 401).startswith("token")


def test_a_request_without_the_scope_counts_too(here: Here) -> None:
    here.app.state.rate_limit = RateLimit(per_second=0.1, burst=1)
    assert here.one(here.token("events")).status_code == 403
    assert here.one(here.token("events")).status_code == 429


def test_more_at_once_than_it_can_are_refused_at_once(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GUANJIA_MOST_CONCURRENT", "3")
    here = Here(home)
    token = here.token()
    codes = sorted(one.status_code for one in here.send(*[token] * 10))
    assert codes == [200] * 3 + [429] * 7
    assert len(here.asked) == 3
    (busy,) = [one for one in here.send(*[token] * 4) if one.status_code == 429]
    assert (fault(busy, 429), busy.headers["retry-after"]) == ("service: is busy", "1")
    # Whatever became of the others, their places are free again.
    assert sorted(one.status_code for one in here.send(*["a.b.c"] * 3)) == [401] * 3
    assert sorted(one.status_code for one in here.send(*[token] * 3)) == [200] * 3


def test_who_reads_whom_is_handed_over(here: Here) -> None:
    reads: list[Read] = []
    here.app.state.on_read = reads.append
    body = {"customer_ids": ["C2", "C1", "C2"]}
    assert here.one(here.token(subject="desk"), body).status_code == 200
    assert reads == [Read("desk", "POST /predict", ("C2", "C1"))]
    here.one(here.token("events"), body)
    here.one(here.token(), {"customer_ids": []})
    assert len(reads) == 1


def test_what_cannot_be_noted_is_not_told(here: Here) -> None:
    def away(_read: Read) -> None:
        raise GuanjiaError("the records", "cannot be written", "start the database")

    here.app.state.on_read = away
    assert fault(here.one(here.token()), 503) == "the records: cannot be written"
