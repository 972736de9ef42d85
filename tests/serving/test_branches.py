"""A token of some branches: customers of others are nobody, in every word and as fast."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

import httpx
import pandas as pd
import pytest

from features.lake import Lake
from features.settings import Settings
from serving.auth.tokens import make_token
from serving.predictions.service import PredictionService
from serving.predictions.unknown_customers import UnknownCustomerError
from serving.schemas import PredictRequest

pytestmark = pytest.mark.slow
NOBODY = "C99999999"
NOON = datetime(2026, 7, 1, 4, tzinfo=UTC)


class Running(Protocol):
    """What the fixture `service` gives."""

    home: Path
    as_of: str


Post = Callable[[str, Any], httpx.Response]
Copy = Callable[..., Lake]


@pytest.fixture(scope="module")
def customers(service: Running) -> dict[str, list[str]]:
    """The customers of each branch, by the tags of the date."""
    file = service.home / "tags" / "underwriting" / f"as_of={service.as_of}.parquet"
    tags = pd.read_parquet(file, columns=["customer_id", "branch"])
    return {str(name): sorted(rows) for name, rows in tags.groupby("branch")["customer_id"]}


@pytest.fixture(scope="module")
def branch(customers: dict[str, list[str]]) -> str:
    assert len(customers) > 1
    return min(customers)


@pytest.fixture(scope="module")
def post(service: Running, client: httpx.Client, branch: str) -> Post:
    """Post with a token of one branch."""
    settings = Settings(home=service.home, token_key=None)
    token = make_token(settings, "desk", datetime.now(UTC), branches=[branch])

    def send(path: str, body: Any) -> httpx.Response:
        return client.post(path, json=body, headers={"Authorization": f"Bearer {token}"})

    return send


def test_ones_own_are_answered_as_to_everybody(
    post: Post, ask: Callable[..., httpx.Response], customers: dict[str, list[str]], branch: str
) -> None:
    own = customers[branch][:50]
    answer = post("/predict", {"customer_ids": own})
    assert answer.status_code == 200
    assert answer.json() == ask(own).json()


def test_customers_of_other_branches_are_unknown(
    post: Post, customers: dict[str, list[str]], branch: str
) -> None:
    unknown = post("/predict", {"customer_ids": [NOBODY]})
    assert unknown.status_code == 404
    for name, (foreign, *_) in customers.items():
        if name != branch:
            answer = post("/predict", {"customer_ids": [foreign]})
            assert answer.status_code == 404
            assert answer.text.replace(foreign, NOBODY) == unknown.text
            assert sorted(answer.headers) == sorted(unknown.headers)
            mixed = post("/predict", {"customer_ids": [customers[branch][0], foreign, NOBODY]})
            assert mixed.json()["faults"][0]["thing"] == f"customer {foreign}, {NOBODY}"


def test_nor_are_they_when_something_happens_to_them(
    post: Post, customers: dict[str, list[str]], branch: str
) -> None:
    """Told of no event, not even of one that another sent before."""
    foreign = next(ids[0] for name, ids in customers.items() if name != branch)

    def told(customer: str) -> httpx.Response:
        event = {
            "event_id": f"e {customer}",
            "type": "wecom_added",
            "customer_id": customer,
            "occurred_at": "2100-01-01T00:00:00+08:00",
        }
        return post("/v1/events", {"events": [event]})

    unknown = told(NOBODY)
    assert unknown.status_code == 422
    assert "is not a known customer" in unknown.text
    assert told(foreign).text.replace(foreign, NOBODY) == unknown.text
    # Of one's own the same event is refused for what is wrong with it.
    assert "ahead of our clock" in told(customers[branch][0]).text


def test_a_customer_of_another_branch_takes_the_steps_of_nobody(copy: Copy) -> None:
    """Who measures how long an answer takes learns nothing; `benchmarks/serving_speed.py` does."""
    service = PredictionService(copy("feast"))
    path = sorted((service.lake.home / "tags" / "underwriting").glob("*.parquet"))[-1]
    tags = pd.read_parquet(path, columns=["customer_id", "branch"]).sort_values("customer_id")
    own, foreign = tags["branch"].iloc[0], tags.loc[tags["branch"] != tags["branch"].iloc[0]]

    def steps(customer: str) -> list[str]:
        taken: list[str] = []

        def note(frame: FrameType, event: str, _: object) -> None:
            name = str(frame.f_globals.get("__name__"))
            ours = name.startswith(("serving.", "features.", "training."))
            # A row that is there is decoded, which takes microseconds of an answer's milliseconds.
            decodes = name.startswith(("features.online.", "features.instants"))
            if event == "call" and ours and not decodes:
                taken.append(f"{name}.{frame.f_code.co_qualname}")

        request = PredictRequest(customer_ids=[customer])
        sys.setprofile(note)
        try:
            with pytest.raises(UnknownCustomerError):
                service.answer(request, NOON, branches={own})
        finally:
            sys.setprofile(None)
        return taken

    for customer in (NOBODY, str(foreign["customer_id"].iloc[0]), NOBODY):
        steps(customer)  # What is read once for all requests is read.
    assert len(steps(NOBODY)) > 5
    assert steps(str(foreign["customer_id"].iloc[0])) == steps(NOBODY)
