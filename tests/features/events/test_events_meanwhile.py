"""No event is lost between the load of a day and its publication, nor by going back."""

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pyarrow.parquet as pq
import pytest

from features.lake import Lake, ServedLake, published_lake
from features.online.reader import read_tags
from features.settings import Settings
from guanjia.jobs.publication import publish
from guanjia.jobs.publication.findings import Acceptance

Later = Callable[[float], datetime]
YESTERDAY = date(2026, 6, 30)
TAG = "complaint_count_365d"
BY = Acceptance("Li", "a test")


def publish_again(lake: Lake, now: datetime) -> str:
    """Publish the day with checked customers of other bytes; return its slot."""
    path = lake.checked("customers")
    rows = pq.read_table(path)
    pq.write_table(rows.replace_schema_metadata({"written": str(now)}), path.with_suffix(".new"))
    path.with_suffix(".new").replace(path)
    done = publish.publish_day(lake, YESTERDAY, now, accepted=BY)
    assert done.outcome == "published"
    assert done.day is not None
    return done.day.slot


def complaints(settings: Settings, customer: str = "C1") -> Any:
    """What a reader who comes now reads online."""
    (row,) = read_tags(published_lake(settings), [customer], [TAG])
    return row[TAG]


@pytest.fixture
def desk(online_home: Any, desk_in: Any, tmp_path: Any, online_url: str, desk_over: Any) -> Any:
    """A desk of a service that follows the pointer; yesterday is published once."""
    folder = desk_in(tmp_path).lake.home
    settings = Settings(home=folder, online=online_url, threads=1)
    publish.publish_day(Lake(settings), YESTERDAY, datetime(2026, 7, 1, 1, tzinfo=UTC), accepted=BY)
    return desk_over(ServedLake(settings))


def test_an_event_after_the_load_is_in_the_new_slot_before_it_is_live(
    desk: Any, later: Later, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, before = desk.lake.settings, desk.lake.slot
    desk.send("complaint_received", case_id="K1", topic="claims")
    audit = publish.audit_day

    def meanwhile(*given: Any) -> Any:
        desk.send("complaint_received", received=later(10), case_id="K2", topic="claims")
        assert complaints(settings) == 2
        # Stored, and not online anywhere when the new slot becomes live.
        desk.take("complaint_received", "C2", received=later(20), case_id="K3", topic="claims")
        return audit(*given)

    monkeypatch.setattr(publish, "audit_day", meanwhile)
    slot = publish_again(Lake(settings), later(30))
    assert slot != before
    assert published_lake(settings).slot == slot
    assert (complaints(settings), complaints(settings, "C2")) == (2, 1)
    assert desk.inbox.waiting_customers() == []
    monkeypatch.setattr(publish, "audit_day", audit)
    # Going back: the slot of before gets what came since.
    desk.send("complaint_received", received=later(40), case_id="K4", topic="claims")
    assert complaints(settings) == 3
    publish.withdraw_day(Lake(settings), BY, later(50))
    assert published_lake(settings).slot == before
    assert (complaints(settings), complaints(settings, "C2")) == (3, 1)


@pytest.mark.parametrize("online_url", ["sqlite"], indirect=True)
def test_what_waits_for_a_day_that_is_never_published_goes_on_waiting(
    desk: Any, later: Later, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.take("complaint_received", case_id="K1", topic="claims")

    def killed(*_: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(publish, "write_pointer", killed)
    with pytest.raises(KeyboardInterrupt):
        publish_again(Lake(desk.lake.settings), later(10))
    assert complaints(desk.lake.settings) == 0
    desk.fresh.refresh(["C1"])
    assert complaints(desk.lake.settings) == 1


@pytest.mark.parametrize("online_url", ["sqlite"], indirect=True)
def test_every_event_that_is_online_is_read_by_whoever_comes_next(desk: Any, later: Later) -> None:
    """Events without pause, while day after day is published."""
    settings, over, wrong = desk.lake.settings, threading.Event(), []
    sent = 0

    def send() -> None:
        nonlocal sent
        while not over.is_set():
            sent += 1
            name = f"K{sent}"
            desk.send("complaint_received", received=later(sent), case_id=name, topic="claims")
            if complaints(settings) != sent:
                wrong.append((sent, complaints(settings)))

    sender = threading.Thread(target=send)
    sender.start()
    try:
        slots = {publish_again(Lake(settings), later(3600 + number)) for number in range(2)}
    finally:
        over.set()
        sender.join()
    assert len(slots) == 2
    assert sent > 3
    assert wrong == []
    assert complaints(settings) == sent
