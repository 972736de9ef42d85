"""A day is visible to every reader as a whole, or not at all; going back and coming again."""

import json
from datetime import date
from typing import Any

import pytest
from published_homes import CUSTOMERS, FIRST, NOON, SECOND, seen, write_day

from features.errors import GuanjiaError
from features.lake import Lake, ServedLake
from features.lake.pointer import kept_days, read_pointer
from features.online import feast_client
from features.online.reader import read_tags
from features.online.store import drop_slot, slots
from features.settings import Settings
from features.snapshots.lookup import SnapshotLookup
from guanjia.jobs.publication.findings import Acceptance
from guanjia.jobs.publication.publish import missing_days, publish_day, withdraw_day
from guanjia.jobs.publication.record import read_record

BY = Acceptance("Li", "half of the policies")


def day_seen(parts: dict[str, Any]) -> tuple[date, int]:
    """The day and the star of everything that was seen; fails where parts are of two days."""
    ((day, star),) = parts["online"]
    assert parts["as_of"] == day
    assert len(parts["ids"]) == 1
    assert parts["checked"] == parts["details"] == {str(star)}
    return day, star


def test_a_day_is_seen_once_it_is_published_and_not_before(store: str, home: Any) -> None:
    settings = Settings(home=home, online=store, threads=1)
    lake = Lake(settings)
    write_day(home, FIRST, star=3)
    publish_day(lake, FIRST, NOON)
    write_day(home, SECOND, star=4)
    assert day_seen(seen(settings)) == (FIRST, 3)
    assert publish_day(lake, SECOND, NOON).before == read_or_fail(home, FIRST)
    assert day_seen(seen(settings)) == (SECOND, 4)
    withdraw_day(lake, BY, NOON)
    assert day_seen(seen(settings)) == (FIRST, 3)
    # The third day takes the room of the first: two days of online rows at most.
    third = date(2026, 7, 1)
    write_day(home, third, star=5)
    publish_day(lake, third, NOON.replace(day=2))
    assert day_seen(seen(settings)) == (third, 5)
    assert len(slots(settings)) == 2
    feast_client.forget(lake)


def read_or_fail(home: Any, day: date) -> Any:
    """The publication of a day whose files are kept."""
    (kept,) = [each for each in kept_days(home) if each.as_of == day]
    return kept


def test_a_broken_bound_changes_nothing_for_any_reader(lake: Lake, publish: Any) -> None:
    write_day(lake.home, SECOND, star=4, customers=CUSTOMERS[:2])
    before = seen(lake.settings)
    refused = publish(SECOND)
    assert refused.outcome == "refused"
    assert {finding.thing for finding in refused.findings} == {
        "rows of customers", "rows of policies", "customers of the snapshot",
    }  # fmt: skip
    policies = next(f for f in refused.findings if f.thing == "rows of policies")
    assert policies.sentence.startswith(
        "rows of policies: 2, and 4 on the day published before; the bound is at least 95.0% of"
        " those. Customers whose policies are missing lose predictions"
    )
    assert seen(lake.settings) == before
    # Also without an online store, and for a process that lives on.
    (row, *_) = SnapshotLookup(ServedLake(lake.settings)).read(["Chen4"], ["star_level"])
    assert (row["known"], row["as_of"], row["star_level"]) == (True, FIRST, 3)


def test_a_person_publishes_a_broken_day_and_that_is_on_record(lake: Lake, publish: Any) -> None:
    write_day(lake.home, SECOND, star=4, customers=CUSTOMERS[:2])
    accepted = publish(SECOND, why="two branches were sold")
    assert accepted.outcome == "published"
    assert accepted.day.accepted
    assert day_seen(seen(lake.settings, CUSTOMERS[:2])) == (SECOND, 4)
    first, second = read_record(lake.home)
    assert (first["act"], first["findings"], first["who"]) == ("published", [], None)
    assert (second["who"], second["why"]) == ("Li", "two branches were sold")
    assert len(second["findings"]) == 3


def test_bounds_of_the_home_count(lake: Lake, publish: Any) -> None:
    write_day(lake.home, SECOND, star=4, customers=CUSTOMERS[:2])
    (lake.home / "publish.toml").write_text(
        "rows_share_min = 0.5\ncustomers_share_min = 0.5\n[tables]\npolicies = 0.75\n"
    )
    assert [finding.thing for finding in publish(SECOND).findings] == ["rows of policies"]
    (lake.home / "publish.toml").write_text("[tables]\npolicy = 0.75\n")
    with pytest.raises(GuanjiaError, match="there is no table policy"):
        publish(SECOND)


def test_what_was_withdrawn_comes_back_only_by_a_person(lake: Lake, publish: Any) -> None:
    write_day(lake.home, SECOND, star=4)
    publish(SECOND)
    withdrawn, back_to = withdraw_day(lake, BY, NOON)
    assert (withdrawn.as_of, back_to.as_of) == (SECOND, FIRST)
    refused = publish(SECOND)
    assert (refused.outcome, refused.day.as_of) == ("refused", FIRST)
    assert "withdrawn by Li: half of the policies" in refused.findings[0].sentence
    # Other files of the same day are another matter.
    write_day(lake.home, SECOND, star=5)
    assert publish(SECOND).outcome == "published"
    assert day_seen(seen(lake.settings)) == (SECOND, 5)
    assert [act["act"] for act in read_record(lake.home)] == [
        "published", "published", "withdrawn", "published",
    ]  # fmt: skip
    withdraw_day(lake, BY, NOON)
    assert day_seen(seen(lake.settings)) == (FIRST, 3)
    with pytest.raises(GuanjiaError, match="has no publication before the one that is visible"):
        withdraw_day(lake, BY, NOON)


def test_going_back_loads_online_rows_that_are_gone(lake: Lake, publish: Any) -> None:
    write_day(lake.home, SECOND, star=4)
    first = read_pointer(lake.home)
    publish(SECOND)
    assert first is not None
    drop_slot(lake.settings, first.slot)
    withdraw_day(lake, BY, NOON)
    assert day_seen(seen(lake.settings)) == (FIRST, 3)


def test_an_older_day_and_the_same_files_change_nothing(lake: Lake, publish: Any) -> None:
    write_day(lake.home, SECOND, star=4)
    publish(SECOND)
    before, pointer = seen(lake.settings), (lake.home / "published.json").read_bytes()
    assert publish(FIRST).outcome == "older"
    assert publish(SECOND).outcome == "unchanged"
    assert seen(lake.settings) == before
    assert (lake.home / "published.json").read_bytes() == pointer
    # A check that read other files and found the same rows has changed nothing either.
    check = json.loads((lake.home / "check.json").read_text())
    (lake.home / "check.json").write_text(json.dumps(check | {"files": [{"file": "again"}]}))
    assert publish(SECOND).outcome == "unchanged"


def test_days_that_were_never_published_are_named(lake: Lake, publish: Any) -> None:
    last = date(2026, 7, 3)
    write_day(lake.home, last, star=4)
    with pytest.raises(GuanjiaError, match="is of a day that ends at 2026-07-03"):
        publish(last)
    done = publish_day(lake, last, NOON.replace(day=6))
    assert done.missing == [date(2026, 6, 30), date(2026, 7, 1), date(2026, 7, 2)]
    assert done.day is not None
    assert missing_days(done.day, NOON.replace(day=6), "Asia/Shanghai") == [
        date(2026, 7, 4), date(2026, 7, 5),
    ]  # fmt: skip
    assert missing_days(done.day, NOON.replace(day=4), "Asia/Shanghai") == []


def test_a_request_ends_with_the_day_it_began_with(lake: Lake, publish: Any) -> None:
    served = ServedLake(lake.settings)

    def star() -> Any:
        (row,) = read_tags(served, ["Chen1"], ["star_level"])
        (degraded,) = SnapshotLookup(served).read(["Chen1"], ["star_level"])
        assert row["star_level"] == degraded["star_level"]
        return row["star_level"]

    write_day(lake.home, SECOND, star=4)
    with served.one_day():
        assert star() == 3
        publish(SECOND)
        assert star() == 3
    with served.one_day():
        assert star() == 4
    (lake.home / "published.json").write_text("{}")
    with served.one_day():
        assert star() == 4


def test_two_publishers_do_not_meet(lake: Lake, publish: Any) -> None:
    write_day(lake.home, SECOND, star=4)
    folder = lake.home / "published"
    import fcntl

    with (folder / ".publishing").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(GuanjiaError, match="is being published by another process"):
            publish(SECOND)
    assert publish(SECOND).outcome == "published"


def test_three_publications_are_kept(lake: Lake) -> None:
    for number in range(1, 5):
        day = date(2026, 7, number)
        write_day(lake.home, day, star=number)
        publish_day(lake, day, NOON.replace(day=9))
    assert [day.as_of.day for day in kept_days(lake.home)] == [2, 3, 4]
    withdraw_day(lake, BY, NOON.replace(day=9))
    withdraw_day(lake, BY, NOON.replace(day=9))
    assert day_seen(seen(lake.settings)) == (date(2026, 7, 2), 2)
