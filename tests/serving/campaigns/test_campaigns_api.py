"""Campaigns over HTTP: planned, refused, launched, told, measured and stopped."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest
from campaign_plans import plan_fields
from known_terms import both_terms, write_terms

from features.lake import Lake
from serving.auth.tokens import make_token

pytestmark = pytest.mark.slow
NOON = datetime(2026, 7, 1, 4, tzinfo=UTC)
PLAN = plan_fields(weak_because=None)


class Api:
    """A service at noon, over a home whose customers can be contacted."""

    def __init__(self, url: str, lake: Lake) -> None:
        self.lake = lake
        self.client = httpx.Client(base_url=url, timeout=60)
        (path,) = sorted((lake.home / "scores").glob("*.parquet"))[-1:]
        self.customers = [str(one) for one in pd.read_parquet(path)["customer_id"][:80]]

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        scopes: tuple[str, ...] = ("campaigns:read", "campaigns:write", "decide"),
        branches: list[str] | None = None,
    ) -> httpx.Response:
        now = datetime.now(UTC)
        token = make_token(self.lake.settings, "tests", now, scopes=scopes, branches=branches)
        headers = {"Authorization": f"Bearer {token}"}
        return self.client.request(method, path, json=body, headers=headers)

    def plan(self, **more: Any) -> httpx.Response:
        members = [{"customer_id": one, "probability": 0.75} for one in self.customers]
        return self.ask("POST", "/v1/campaigns", {"plan": PLAN | more, "members": members})


@pytest.fixture(scope="module")
def api(
    contactable: Callable[[Path], Lake],
    serving: Callable[..., AbstractContextManager[str]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Api]:
    lake = contactable(tmp_path_factory.mktemp("campaigns") / "home")
    rows: list[dict[str, Any]] = []
    for number in range(80):
        rows += both_terms(number, f"C{number}", date(2026, 7, 20), renews=True)
    write_terms(lake.checked("policies"), rows)
    ahead = str((NOON - datetime.now(UTC)).total_seconds())
    folder = tmp_path_factory.mktemp("campaigns-service")
    with serving(lake.home, folder, GUANJIA_CLOCK_AHEAD_SECONDS=ahead) as url:
        found = Api(url, lake)
        yield found
        found.client.close()


def test_a_campaign_from_its_plan_to_its_stop(api: Api) -> None:
    weak = api.plan()
    assert weak.status_code == 422
    assert "the smallest it sees is" in weak.text
    planned = api.plan(weak_because="a test has few customers")
    assert planned.status_code == 200, planned.text
    told = planned.json()
    assert told["state"] == "planned"
    assert sum(told["draw"]["arms"].values()) + sum(told["draw"]["left_out"].values()) == 80
    assert told["check"]["visible_effect"] > 0.2
    again = api.plan(weak_because="a test has few customers")
    assert again.status_code == 409
    launched = api.ask("POST", "/v1/campaigns/july/launch", {})
    assert (launched.status_code, launched.json()["state"]) == (200, "running")
    names = [each["campaign"] for each in api.ask("GET", "/v1/campaigns").json()["campaigns"]]
    assert names == ["july"]
    early = api.ask("GET", "/v1/campaigns/july/measurement?as_of=2026-07-01")
    assert early.status_code == 200, early.text
    assert (early.json()["verdict"], early.json()["figures"]) == ("too_early", None)
    arms = {
        arm["arm"]
        for one in api.customers[:12]
        for arm in api.ask("GET", f"/v1/customers/{one}/campaigns?as_of=2026-07-01").json()["arms"]
    }
    assert arms == {"call", "quiet"}
    stopped = api.ask("POST", "/v1/campaigns/july/stop", {"reason": "a wrong script"})
    assert (stopped.json()["state"], stopped.json()["closed_by"]) == ("stopped", "tests")
    assert api.ask("POST", "/v1/campaigns/july/stop", {"reason": "again"}).status_code == 409


def test_who_may_not_is_refused(api: Api) -> None:
    members = [{"customer_id": api.customers[0]}]
    body = {"plan": PLAN, "members": members}
    assert api.ask("POST", "/v1/campaigns", body, ("campaigns:read",)).status_code == 403
    elsewhere = api.ask("POST", "/v1/campaigns", body, branches=["nowhere"])
    assert elsewhere.status_code == 404
    path = f"/v1/customers/{api.customers[0]}/campaigns?as_of=2026-07-01"
    assert api.ask("GET", path, branches=["nowhere"]).status_code == 404
    assert api.ask("GET", "/v1/campaigns/unknown").status_code == 404
    misspelt = api.plan(tuchpoint="x")
    assert misspelt.status_code == 422
    assert "tuchpoint" in misspelt.text
    service = api.plan(touchpoint="thanks_and_policy_notice")
    assert (service.status_code, "service message" in service.text) == (422, True)


def test_a_token_of_some_branches_neither_launches_nor_measures(api: Api) -> None:
    api.plan(campaign="august", weak_because="a test has few customers")
    refused = api.ask("POST", "/v1/campaigns/august/launch", {}, branches=["nowhere"])
    assert refused.status_code == 403
    path = "/v1/campaigns/august/measurement?as_of=2026-07-01"
    assert api.ask("GET", path, branches=["nowhere"]).status_code == 403
