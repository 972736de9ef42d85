"""Members of a release are those released: pages of them, and a file that was replaced."""

from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.errors import GuanjiaError
from features.lake import Lake
from features.settings import Settings
from serving.lists.definitions.definition import ListDefinition
from serving.lists.released import reading
from serving.lists.released.members import Member, hash_members, write_members
from serving.lists.released.reading import released_customers, released_members, verify_members
from serving.lists.released.releases import ABOUT, Release, ReleaseRefusedError

AT = datetime(2026, 7, 1, 2, tzinfo=UTC)
DAY = date(2026, 6, 30)
DEFINITION = ListDefinition(name="a_list", label="名单", model="renewal").document()
SEEN = st.sampled_from([None, {"B1"}, {"B2", "B3"}])
BRANCHES = st.lists(st.sampled_from(["B1", "B2", "B3", None]), min_size=1, max_size=30)


def member(number: int, branch: str | None) -> Member:
    return Member(
        f"C{number:02}", number, number % 3 == 0, 0.25, None, 0.1, 1 / 3, None, 3.5, 4, branch, 1,
        "granted", DAY if number % 2 else None, {"days_to_expiry": number, "渠道": "代理"},
        "价格：贵", "price: dear",
    )  # fmt: skip


def release_of(home: Path, members: list[Member], state: str = "released") -> Release:
    document: dict[str, Any] = {
        "definition": DEFINITION,
        "as_of": DAY.isoformat(),
        "snapshot_id": "s",
        "model_versions": "m",
        "branches": None,
    }
    content_hash = hash_members({name: document[name] for name in ABOUT}, members)
    path = home / "members.parquet"
    path.unlink(missing_ok=True)
    write_members(path, members)
    return Release(
        "1", "a_list", 1, DAY, state, len(members), content_hash, path.name, document, "li", AT
    )


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(branches=BRANCHES, start=st.integers(0, 35), limit=st.integers(0, 12), seen=SEEN)
def test_a_page_has_what_stands_there_in_the_whole(
    branches: list[str | None],
    start: int,
    limit: int,
    seen: set[str] | None,
    tmp_path: Path,
) -> None:
    lake = Lake(Settings(home=tmp_path))
    members = [member(number, branch) for number, branch in enumerate(branches, 1)]
    release = release_of(tmp_path, members)
    whole = list(released_members(lake, release, branches=seen))
    assert whole == [one for one in members if seen is None or one.branch in seen]
    page = released_members(lake, release, start=start, limit=limit, branches=seen)
    assert list(page) == list(islice(whole, start, start + limit))
    assert released_customers(lake, release, seen) == [one.customer_id for one in whole]


def test_a_file_is_hashed_once_and_again_when_it_is_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake, hashed = Lake(Settings(home=tmp_path)), []
    release = release_of(tmp_path, [member(1, "B1"), member(2, "B1")])
    monkeypatch.setattr(
        reading, "hash_members", lambda *given: hashed.append(given) or hash_members(*given)
    )
    for _ in range(3):
        assert verify_members(lake, release) == 0
        assert len(list(released_members(lake, release, limit=1))) == 1
    assert len(hashed) == 1
    release_of(tmp_path, [member(2, "B1"), member(1, "B1")])
    for read in (released_customers, released_members, verify_members):
        with pytest.raises(GuanjiaError, match="its hash is another"):
            read(lake, release)
    assert len(hashed) == 2
    (tmp_path / release.file).unlink()
    with pytest.raises(GuanjiaError, match="is missing"):
        verify_members(lake, release)


def test_who_waits_is_read_by_whoever_approves_alone(tmp_path: Path) -> None:
    lake = Lake(Settings(home=tmp_path))
    release = release_of(tmp_path, [member(1, "B1")], "waiting")
    assert len(list(released_members(lake, release, waiting=True))) == 1
    with pytest.raises(ReleaseRefusedError, match="waits for approval"):
        released_members(lake, release)
    with pytest.raises(ReleaseRefusedError, match="waits for approval"):
        released_customers(lake, release)
