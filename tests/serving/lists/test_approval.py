"""A release that waits is approved by the name of its list, or by its id."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from features.lake import Lake
from serving.lists.definitions.definition import parse_definition
from serving.lists.listing import Viewer
from serving.lists.released.releases import ReleaseRefusedError, UnknownReleaseError
from serving.lists.service import ListService
from serving.records.database import Records

pytestmark = pytest.mark.slow
NOW = datetime(2026, 7, 1, 2, tzinfo=UTC)
LI, WANG = Viewer("li"), Viewer("wang")
FIELDS = {"name": "own_list", "label": "自有名单", "model": "churn", "size": 40}


@pytest.fixture
def lake(copy: Callable[..., Lake]) -> Lake:
    """The demo with scores and checked tables."""
    return copy("scores", "checked")


def test_a_release_that_waits_is_meant_by_its_list(
    lake: Lake, records: Records, run: Callable[..., Any]
) -> None:
    """By the hash where several wait; its id will do as well."""
    careful = Lake(lake.settings.model_copy(update={"release_alone": 0}))
    lists = ListService(careful, records)
    with pytest.raises(UnknownReleaseError, match="list own_list: has no release"):
        lists.waiting("own_list", "")
    lists.define(parse_definition(FIELDS), LI, "", NOW)
    first = lists.release("own_list", LI, NOW)
    assert lists.waiting("own_list", "another") == first.release_id
    assert lists.waiting(first.release_id, "") == first.release_id
    lists.define(parse_definition(FIELDS | {"size": 5}), LI, "smaller", NOW)
    smaller = lists.release("own_list", LI, NOW + timedelta(minutes=1))
    ids = f"name one of {smaller.release_id}, {first.release_id}"
    with pytest.raises(ReleaseRefusedError, match=f"has 2 releases that wait.*{ids}"):
        lists.waiting("own_list", "another")
    words = ("approve", "own_list", "--hash", first.content_hash, "--who", "wang")
    done = run(lake.home, "lists", *words)
    assert done.returncode == 0, done.stderr
    assert f"Release {first.release_id} of own_list is approved by wang" in done.stdout
    assert lists.waiting("own_list", first.content_hash) == smaller.release_id
    lists.approve(smaller.release_id, smaller.content_hash, WANG, NOW)
    with pytest.raises(UnknownReleaseError, match="has no release that waits for approval"):
        lists.waiting("own_list", first.content_hash)
