"""`GET /v1/touchpoints` and `GET /v1/tags`: the whole catalogue, and nothing where it is held."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from features.lake import Lake
from features.settings import Settings
from features.tags.catalogue import catalogue
from serving.api.app import create_app
from serving.api.catalogues import TagsTold, TouchpointsTold
from serving.auth.tokens import make_token
from serving.decision.touchpoint_source import TouchpointSource
from serving.touchpoints.catalogue import load_touchpoints

OWN = "[branch.B01]\nbirthday = false\n"


@pytest.fixture
def app(home: Path) -> FastAPI:
    home.mkdir()
    (home / "touchpoints.toml").write_text(OWN, encoding="utf-8")
    lake = Lake(Settings(home=home))
    found = create_app()
    found.state.service = SimpleNamespace(lake=lake)
    found.state.touchpoints = load_touchpoints(home)
    found.state.touchpoint_source = TouchpointSource(lake)
    return found


def get(app: FastAPI, path: str, *scopes: str, **headers: str) -> httpx.Response:
    settings = app.state.service.lake.settings
    token = make_token(settings, "tests", datetime.now(UTC), scopes=scopes)

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return await client.get(path, headers={"Authorization": f"Bearer {token}", **headers})

    return asyncio.run(send())


def touchpoints(app: FastAPI, query: str = "") -> dict[str, Any]:
    response = get(app, f"/v1/touchpoints{query}", "touchpoints:read")
    assert response.status_code == 200, response.text
    TouchpointsTold.model_validate_json(response.text)
    found: dict[str, Any] = response.json()
    return found


def test_touchpoints_are_those_of_the_catalogue_and_of_the_branch(app: FastAPI) -> None:
    whole, there = touchpoints(app), touchpoints(app, "?branch=B01&stage=trust")
    assert list(whole["touchpoints"]) == load_touchpoints(app.state.service.lake.home).names
    assert whole["version"] == there["version"] == app.state.touchpoint_source.version
    assert set(whole["touchpoints"]) - set(there["touchpoints"]) == {"birthday"}
    assert (there["branch"], there["stage"]) == ("B01", "trust")
    care = whole["touchpoints"]["accident_care"]
    assert (care["label"], care["kind"], care["trigger"]["events"]) == (
        load_touchpoints(app.state.service.lake.home).touchpoints_for()["accident_care"].label,
        "service",
        ["claim_reported"],
    )


def test_every_tag_is_told(app: FastAPI) -> None:
    response = get(app, "/v1/tags", "tags:read")
    told = TagsTold.model_validate_json(response.text)
    assert [one.name for one in told.tags] == list(catalogue())
    one = catalogue()["star_level"]
    (star,) = (tag for tag in told.tags if tag.name == "star_level")
    assert (star.label, star.definition, star.null, star.type) == (
        one.label, one.definition, one.null, one.type,
    )  # fmt: skip
    assert star.chinese.model_dump() == {
        "definition": "客户的星级，从1星青铜到5星钻石。",
        "unit": "星",
        "window": "截至当日",
        "null": "未评定星级",
    }


@pytest.mark.parametrize(
    ("path", "scope"), [("/v1/touchpoints", "touchpoints:read"), ("/v1/tags", "tags:read")]
)
def test_who_has_it_gets_nothing_and_who_may_not_neither(
    app: FastAPI, path: str, scope: str
) -> None:
    first = get(app, path, scope)
    held = first.headers["etag"]
    for said in (held, f"W/{held}", f'"another", {held}'):
        again = get(app, path, scope, **{"If-None-Match": said})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", held)
    assert get(app, path, scope, **{"If-None-Match": '"another"'}).content == first.content
    assert get(app, path, "predict").status_code == 403


def test_a_stage_that_is_none_is_told(app: FastAPI) -> None:
    response = get(app, "/v1/touchpoints?stage=trusst", "touchpoints:read")
    assert response.status_code == 404
    assert "trust" in response.json()["faults"][0]["cure"]
    branch = get(app, "/v1/touchpoints?branch=B01", "touchpoints:read")
    assert branch.headers["etag"] != get(app, "/v1/touchpoints", "touchpoints:read").headers["etag"]
