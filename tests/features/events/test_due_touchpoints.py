"""What an event makes due, from the request to the list: once, whatever dies or is away."""

import asyncio
import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from features.erased import Erased
from features.events.inbox import EventInbox
from features.lake import Lake
from features.online import feast_client
from features.online.reader import read_tags
from features.settings import Settings
from features.snapshots.lookup import SnapshotLookup
from serving.api.app import create_app
from serving.auth.tokens import make_token
from serving.breaker import Breaker
from serving.events.due_touchpoints import DueTouchpoints
from serving.events.schemas import EventAnswer, EventsRequest
from serving.events.service import EventService
from serving.predictions.service import PredictionService
from serving.records.contacts.caps import Caps, ContactRequest, find_contact
from serving.records.contacts.contact_caps import load_contact_caps
from serving.records.contacts.due_touchpoints import StoredDue
from serving.records.database import Records, RecordsAwayError, lock_customer
from serving.records.tables import due_touchpoints

NINE = datetime(2026, 7, 1, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Tags(PredictionService):
    """The service without models: what is due asks it for tags alone."""

    def __init__(self, lake: Lake) -> None:
        self.lake, self.erased = lake, Erased(lake.settings)
        self._readers = {}
        self._lookup, self._store = SnapshotLookup(lake), Breaker(0.0)


class Desk:
    """Events in, touchpoints out."""

    def __init__(self, lake: Lake) -> None:
        self.lake = lake
        self.records = Records(lake.settings)
        self.records.migrate()
        self.due = DueTouchpoints(Tags(lake), self.records)
        self.events = EventService(lake, self.due)
        self.events.start()

    def tell(self, *events: dict[str, Any], at: datetime = NINE) -> list[EventAnswer]:
        return self.events.take(EventsRequest.model_validate({"events": list(events)}), at).events

    def listed(self, at: datetime = NINE + HOUR, most: int = 100, **more: Any) -> list[StoredDue]:
        return self.due.list_due(at, at, most, **more).due

    def rows(self) -> int:
        with self.records.reading() as connection:
            return len(connection.execute(due_touchpoints.select()).all())


@pytest.fixture
def at_work(desk: Any) -> Iterator[Desk]:
    found = Desk(desk.lake)
    yield found
    found.records.close()
    feast_client.forget(found.lake)


def claim(name: str, customer: str = "C1", **more: Any) -> dict[str, Any]:
    return {"event_id": name, "type": "claim_reported", "customer_id": customer,
            "occurred_at": "2026-07-01T09:00:00+08:00", "accident_at": "2026-07-01T08:00:00+08:00",
            "claim_id": f"L {name}", "policy_id": f"P1 {customer}", **more}  # fmt: skip


def complaint(name: str, customer: str = "C1") -> dict[str, Any]:
    return {"event_id": name, "type": "complaint_received", "customer_id": customer,
            "occurred_at": "2026-07-01T09:00:00+08:00", "case_id": name,
            "topic": "price"}  # fmt: skip


def test_the_answer_says_what_is_due_and_the_list_has_it_in_time(at_work: Desk) -> None:
    answer, other = at_work.tell(claim("a1"), complaint("a2"))
    assert answer.due is not None
    (due,) = answer.due
    assert (due.touchpoint, due.by, due.kind, due.reason) == (
        "accident_care", "person", "service", "报案 a1",
    )  # fmt: skip
    assert (due.due_at, due.until) == (NINE + HOUR / 2, NINE + 3 * DAY)
    assert other.due == []
    assert at_work.listed(NINE + HOUR / 2 - timedelta(seconds=1)) == []
    (row,) = at_work.listed(NINE + HOUR / 2)
    assert (row.due_id, row.due.customer_id, row.event_type) == (due.due_id, "C1", "claim_reported")


def test_sent_again_it_is_due_once_and_told_again(at_work: Desk) -> None:
    (first,) = at_work.tell(claim("b1"))
    (again,) = at_work.tell(claim("b1"), at=NINE + HOUR)
    assert (again.status, again.due) == ("repeated", first.due)
    assert at_work.rows() == 1


def test_a_quote_paid_meanwhile_is_followed_up_no_more(at_work: Desk) -> None:
    viewed = {"event_id": "c1", "type": "quote_viewed", "customer_id": "C2",
              "occurred_at": "2026-07-01T09:00:00+08:00", "quote_id": "Q1 C2"}  # fmt: skip
    (answer,) = at_work.tell(viewed)
    assert answer.due is not None
    (due,) = answer.due
    tomorrow = NINE + DAY
    assert (due.touchpoint, due.due_at) == ("quote_viewed_not_paid", tomorrow)
    assert [one.due_id for one in at_work.listed(tomorrow)] == [due.due_id]
    signed = {"commercial_renewal_signed": True}
    service = cast("Any", at_work.due)._service
    tags = service.tags
    service.tags = lambda *asked: ([tags(*asked)[0][0] | signed], False)
    assert at_work.listed(tomorrow) == []


def test_a_policy_that_is_signed_ends_what_is_reserved_for_its_renewal(at_work: Desk) -> None:
    """Cover of both ends on 20 July; C8 signs for another car, which leaves the first to renew."""
    reserved = {one: reserve(at_work, one) for one in ("C7", "C8")}
    at_work.tell(signed("q1", "C7", "V1 C7"), signed("q2", "C8", "V9"))
    with at_work.records.reading() as connection:
        states = {one: find_contact(connection, reserved[one])["state"] for one in reserved}
    assert states == {"C7": "released", "C8": "reserved"}
    left = read_tags(at_work.lake, ["C7", "C8"], ["days_to_unrenewed_expiry"])
    assert [row["days_to_unrenewed_expiry"] for row in left] == [None, 19]


def signed(name: str, customer: str, vehicle: str) -> dict[str, Any]:
    return {"event_id": name, "type": "policy_signed", "customer_id": customer,
            "occurred_at": "2026-07-01T09:00:00+08:00", "policy_id": f"new {name}",
            "line": "motor_commercial", "vehicle_id": vehicle, "private_car": True,
            "inception": "2026-07-20", "expiry": "2027-07-20"}  # fmt: skip


def reserve(at_work: Desk, customer: str) -> str:
    """A contact about the renewal that has its place since yesterday."""
    caps = Caps(load_contact_caps(at_work.lake.home), "Asia/Shanghai")
    contact = ContactRequest(customer, "renewal_30d", "renewal", "marketing", "sms", NINE)
    with at_work.records.writing() as connection:
        lock_customer(connection, customer)
        history = caps.history(connection, customer, NINE - DAY)
        return caps.reserve(connection, contact, NINE - DAY, history).contact_id


def test_the_records_away_cost_nothing(at_work: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise RecordsAwayError("records", "are away", "wait")

    with monkeypatch.context() as patch:
        patch.setattr(at_work.records, "writing", away)
        (answer,) = at_work.tell(claim("d1"))
        assert (answer.status, answer.tags, answer.due) == ("accepted", "online", None)
        with pytest.raises(RecordsAwayError):
            at_work.listed()
    assert [one.due.event_id for one in at_work.listed()] == ["d1"]
    (again,) = at_work.tell(claim("d1"))
    assert again.due is not None
    assert at_work.rows() == 1


def test_while_tags_do_not_know_of_the_event_it_waits(
    at_work: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(at_work.events._fresh, "refresh", lambda _: None)
        (answer,) = at_work.tell(claim("e1"))
        assert (answer.tags, answer.due) == ("pending", None)
        assert at_work.listed() == []
    at_work.tell(complaint("e2"))
    assert [one.due.event_id for one in at_work.listed()] == ["e1"]


def test_nor_is_the_snapshot_asked_what_an_event_made_due(
    at_work: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = cast("Any", at_work.due)._service
    tags = service.tags
    with monkeypatch.context() as patch:
        patch.setattr(service, "tags", lambda *asked: (tags(*asked)[0], True))
        (answer,) = at_work.tell(claim("f1"))
        assert answer.due is None
        assert at_work.rows() == 0
    assert [one.due.event_id for one in at_work.listed()] == ["f1"]


def test_an_event_told_too_late_makes_nothing_due(at_work: Desk) -> None:
    early = {"occurred_at": "2026-06-27T09:00:00+08:00", "accident_at": "2026-06-27T08:00:00+08:00"}
    (answer,) = at_work.tell(claim("g1", **early))
    assert answer.due == []
    assert at_work.rows() == 0


def test_pages_leave_none_out_that_holds(at_work: Desk) -> None:
    for customer in ("C3", "C4", "C5", "C6", "C7"):
        at_work.tell(claim(f"h{customer}", customer))
    whole = [one.due_id for one in at_work.listed()]
    service = cast("Any", at_work.due)._service
    tags = service.tags
    # C4 and C5 hold no more: a page is filled from those behind them.
    closed = {"C4", "C5"}
    service.tags = lambda ids, *asked: (
        [row | ({"open_claims": 0} if ids[0] in closed else {}) for row in tags(ids, *asked)[0]],
        False,
    )
    holds = [one.due_id for one in at_work.listed()]
    assert len(holds) == 3
    paged, after = [], None
    while True:
        page = at_work.due.list_due(NINE + HOUR, NINE + HOUR, 2, after=after)
        paged += [one.due_id for one in page.due]
        if page.next is None:
            break
        after = page.next
    assert paged == holds == [one for one in whole if one in holds]


def test_an_inbox_of_before_has_its_events_looked_at(at_work: Desk) -> None:
    at_work.tell(complaint("i0"))
    with closing(sqlite3.connect(at_work.lake.inbox)) as connection:
        connection.execute("DROP INDEX to_trigger")
        connection.execute("ALTER TABLE events DROP COLUMN triggered")
    again = EventInbox(at_work.lake)
    assert [event.event_id for _, event in again.to_trigger(["complaint_received"])] == ["i0"]
    # It is the event that was sent, whole.
    ((_, event),) = again.to_trigger(["complaint_received"])
    assert (event.customer_id, event.fields["topic"], event.occurred_at) == ("C1", "price", NINE)


KILLED = """
import json, os, signal, sys
from datetime import datetime
from features.lake.connection import Lake
from features.settings import load
sys.path.insert(0, sys.argv[1])
import test_due_touchpoints as tests
from features.events.inbox import EventInbox
from serving.records.database import Records

desk = tests.Desk(Lake(load()))
def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[2] == "before":
    desk.due._records.writing = die
else:
    desk.due._inbox.mark_triggered = die
desk.tell(json.loads(sys.argv[3]))
"""


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_before_or_after_it_is_written_it_is_due_once(at_work: Desk, when: str) -> None:
    words = [str(Path(__file__).parent), when, json.dumps(claim("k1"))]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", KILLED, *words],
        env={"GUANJIA_HOME": str(at_work.lake.home), "PYTHONPATH": ":".join(sys.path)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == -9, done.stderr
    assert at_work.rows() == (0 if when == "before" else 1)
    assert [one.due.event_id for one in at_work.listed()] == ["k1"]
    assert [one.due.event_id for one in Desk(at_work.lake).listed()] == ["k1"]
    assert at_work.rows() == 1


@pytest.fixture
def get(at_work: Desk) -> Callable[..., httpx.Response]:
    """GET over HTTP an hour later: `get("/v1/due", branches=["B1"])`."""
    ahead = (NINE + HOUR - datetime.now(tz=UTC)).total_seconds()
    settings = Settings(home=at_work.lake.home, clock_ahead_seconds=ahead)
    app = create_app()
    app.state.service, app.state.due = Tags(Lake(settings)), at_work.due

    async def send(path: str, token: str) -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return await client.get(path, headers={"Authorization": f"Bearer {token}"})

    def ask(path: str, branches: list[str] | None = None) -> httpx.Response:
        now = datetime.now(tz=UTC)
        token = make_token(settings, "engine", now, scopes=["decide"], branches=branches)
        return asyncio.run(send(path, token))

    return ask


def test_what_events_made_due_is_listed_over_http_page_by_page(
    at_work: Desk, get: Callable[..., Any]
) -> None:
    at_work.tell(claim("l1"), claim("l2", "C2"))
    first = get("/v1/due?limit=1")
    assert first.status_code == 200, first.text
    body = first.json()
    (row,) = body["due"]
    assert (row["touchpoint"], row["event_type"]) == ("accident_care", "claim_reported")
    assert body["degraded"] is False
    second = get(f"/v1/due?limit=1&after={body['next']}").json()
    assert {row["customer_id"], second["due"][0]["customer_id"]} == {"C1", "C2"}
    later = get("/v1/due?until=2026-07-01T18:00:00%2B08:00").json()
    assert len(later["due"]) == 2
    assert get("/v1/due?until=2026-06-30T18:00:00%2B08:00").json()["due"] == []
    assert get("/v1/due", branches=["elsewhere"]).json()["due"] == []
    for wrong in ("limit=0", "limit=501", "after=x", "until=2026-07-01T18:00:00", "until=1"):
        assert get(f"/v1/due?{wrong}").status_code == 422, wrong
