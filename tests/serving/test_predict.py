"""What the API says when its online store cannot answer: 503, and which command to run."""

import asyncio
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from features.lake import Lake
from features.online.reader import TagReader
from features.online.store import online_rows
from serving import clock
from serving.api.app import create_app
from serving.auth.tokens import make_token
from serving.predictions.service import PredictionService

Copy = Callable[..., Lake]
pytestmark = pytest.mark.slow


def no_store(lake: Lake) -> None:
    shutil.rmtree(lake.home / "feast")


def no_rows(lake: Lake) -> None:
    for path in (lake.home / "feast").glob("online.db*"):
        path.unlink()


def damaged(lake: Lake) -> None:
    no_rows(lake)
    (lake.home / "feast" / "online.db").write_bytes(b"no database" * 1000)


def emptied(lake: Lake) -> None:
    with closing(sqlite3.connect(lake.home / "feast" / "online.db")) as connection:
        for group in online_rows(lake).loaded_groups():
            connection.execute(f'DELETE FROM "guanjia_{group}"')
        connection.commit()


@pytest.mark.parametrize("change", [no_store, no_rows, damaged, emptied])
def test_without_the_online_store_the_snapshot_answers_and_says_so(
    change: Callable[[Lake], None], copy: Copy
) -> None:
    lake = copy("feast")
    whole = asked(lake).json()
    change(lake)
    response = asked(lake)
    assert response.status_code == 200
    assert response.json() == whole | {"degraded": True}


def test_without_a_snapshot_either_it_is_503_with_the_command(copy: Copy) -> None:
    lake = copy("feast")
    no_store(lake)
    shutil.rmtree(lake.home / "snapshots")
    response = asked(lake)
    assert response.status_code == 503
    (told,) = response.json()["faults"]
    assert (told["thing"], told["fault"]) == ("tags", "have no snapshot")
    assert "guanjia tags" in told["cure"]


def test_tags_whose_snapshot_is_gone_are_served_without_its_id(
    copy: Copy, demo: tuple[Path, Any]
) -> None:
    lake = copy("feast")
    shutil.rmtree(lake.home / "snapshots")
    response = asked(lake)
    assert response.status_code == 200
    (found,) = response.json()["predictions"]
    assert found["tags"]["as_of"] == demo[1]["as_of"]
    assert found["tags"]["snapshot_id"] is None


def test_a_store_that_does_not_answer_is_asked_once_a_second(
    copy: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = copy("feast")
    no_store(lake)
    service, now, attempts = PredictionService(lake), 100.0, 0

    def failing(*_: Any) -> TagReader:
        nonlocal attempts
        attempts += 1
        return TagReader(lake, ["star_level"])

    monkeypatch.setattr(service, "_reader", failing)
    monkeypatch.setattr(clock, "ticks", lambda: now)
    for later, tried in ((0.0, 1), (0.5, 1), (0.9, 1), (1.0, 2), (1.5, 2), (2.0, 3)):
        now = 100.0 + later
        (row,), degraded = service.tags(["C00000001"], ["star_level"])
        assert (row["known"], degraded, attempts) == (True, True, tried)


def asked(lake: Lake) -> httpx.Response:
    """The app's answer about one customer, its service opened on this home."""
    app = create_app()
    app.state.service = PredictionService(lake)
    token = make_token(lake.settings, "tests", datetime.now(UTC))

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://guanjia") as client:
            headers = {"Authorization": f"Bearer {token}"}
            body = {"customer_ids": ["C00000001"]}
            return await client.post("/predict", json=body, headers=headers)

    return asyncio.run(ask())
