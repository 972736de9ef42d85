"""Feast projects on three online stores, as fixtures."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from feast import FeatureStore
from feast_stores import CONTROL, feast_store

from features.lake import Lake
from features.online import feast_client
from features.settings import Settings

Open = Callable[[str], FeatureStore]


@pytest.fixture
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Open a Feast project on a store: `open_store("redis")`."""

    def open_one(kind: str) -> FeatureStore:
        folder = tmp_path / kind
        folder.mkdir()
        if kind == "redis":
            url = request.getfixturevalue("redis_url")
            store = {"type": "features.online.redis_store.RedisOnlineStore", "url": url}
        elif kind == "sqlite":
            path = str(folder / "online.db")
            store = {"type": "features.online.sqlite_store.HomeOnlineStore", "path": path}
        else:
            store = {"type": "sqlite", "path": str(folder / "online.db")}
        return feast_store(folder, store)

    return open_one


@pytest.fixture(params=[CONTROL, "sqlite", "redis"])
def store(request: pytest.FixtureRequest, open_store: Open) -> FeatureStore:
    """Feast's SQLite store and both of ours: what a test asserts holds on all three."""
    return open_store(request.param)


@pytest.fixture(params=["sqlite", "redis"])
def ours(request: pytest.FixtureRequest, open_store: Open) -> FeatureStore:
    """Both of our stores."""
    return open_store(request.param)


@pytest.fixture(params=["sqlite", "redis"])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lake]:
    """A home on each of our stores, with views and without rows."""
    url = "sqlite" if request.param == "sqlite" else request.getfixturevalue("redis_url")
    home = Lake(Settings(home=tmp_path / "lake", online=url))
    feast_client.apply(home)
    yield home
    feast_client.forget(home)
