"""A tiny home with one day published, on both online stores."""

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
from published_homes import FIRST, NOON, write_day

from features.lake import Lake
from features.online import feast_client
from features.settings import Settings
from guanjia.jobs.publication.findings import Acceptance
from guanjia.jobs.publication.publish import Publication, publish_day

Publish = Callable[..., Publication]


@pytest.fixture(params=["sqlite", "redis"])
def store(request: pytest.FixtureRequest) -> str:
    """The address of an online store: what a test asserts holds on both."""
    kind: str = request.param
    return kind if kind == "sqlite" else str(request.getfixturevalue("redis_url"))


@pytest.fixture
def lake(home: Path) -> Iterator[Lake]:
    """A home whose first day, with three stars, is published."""
    write_day(home, FIRST, star=3)
    lake = Lake(Settings(home=home, threads=1))
    assert publish_day(lake, FIRST, NOON).outcome == "published"
    yield lake
    feast_client.forget(lake)


@pytest.fixture
def publish(lake: Lake) -> Publish:
    """Publish a day: `publish(SECOND)`, `publish(SECOND, why="known")`."""

    def go(day: date, why: str | None = None) -> Publication:
        accepted = None if why is None else Acceptance("Li", why)
        return publish_day(lake, day, NOON, accepted=accepted)

    return go
