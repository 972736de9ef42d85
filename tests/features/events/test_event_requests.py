"""`POST /v1/events` from outside: what is taken, what is refused and why, many at once."""

import asyncio
import json
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from features.lake import Lake
from features.online import feast_client
from features.online.reader import read_tags
from features.settings import Settings
from serving.api.app import create_app
from serving.api.door.request_limiter import LARGEST_BODY, RequestLimiter
from serving.auth.tokens import make_token
from serving.events.service import EventService
from serving.schemas import Refusal

Row = dict[str, Any]
NINE = datetime(2026, 7, 1, 1, tzinfo=UTC)
YESTERDAY = date(2026, 6, 30)

app = create_app()


class Service:
    """The app over a home, as the service runs it behind its gate, at nine in the morning."""

    def __init__(self, home: Path, online: str = "sqlite") -> None:
        ahead = (NINE - datetime.now(tz=UTC)).total_seconds()
        settings = Settings(home=home, online=online, clock_ahead_seconds=ahead)
        self.lake = Lake(settings)
        self.events = EventService(self.lake)
        self.events.start()
        self.token = make_token(settings, "tests", datetime.now(tz=UTC), timedelta(days=1))

    def send(self, *bodies: Any, token: str | None = None, path: str = "/v1/events") -> list[Any]:
        """Post each body, all at once; a body is a list of events, or bytes."""
        app.state.service, app.state.events = SimpleNamespace(lake=self.lake), self.events
        headers = {"Content-Type": "application/json"}
        headers |= {"Authorization": f"Bearer {self.token if token is None else token}"}

        async def post() -> list[httpx.Response]:
            transport = httpx.ASGITransport(app=RequestLimiter(app, app))
            async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
                contents = [
                    body if isinstance(body, bytes) else json.dumps({"events": body}).encode()
                    for body in bodies
                ]
                return await asyncio.gather(
                    *(client.post(path, content=one, headers=headers) for one in contents)
                )

        return asyncio.run(post())

    def one(self, body: Any, **more: Any) -> httpx.Response:
        (response,) = self.send(body, **more)
        found: httpx.Response = response
        return found

    def tag(self, customer: str, name: str) -> Any:
        return read_tags(self.lake, [customer], [name])[0][name]

    @property
    def kept(self) -> int:
        """Events in the inbox."""
        return len(self.events._inbox.since(datetime(2000, 1, 1, tzinfo=UTC)))


@pytest.fixture(scope="module")
def service(one_desk: Any) -> Iterator[Service]:
    """One for all tests that take a customer of their own, or change nothing."""
    found = Service(one_desk.lake.home)
    yield found
    feast_client.forget(found.lake)


def complaint(name: str, customer: str = "C1", **more: Any) -> Row:
    return {"event_id": name, "type": "complaint_received", "customer_id": customer,
            "occurred_at": "2026-07-01T09:00:00+08:00", "case_id": name, "topic": "price",
            **more}  # fmt: skip


def refused(response: httpx.Response, status: int) -> str:
    """The faults of an answer that is what every refusal must be, as one text."""
    assert response.status_code == status, response.text[:300]
    faults = Refusal.model_validate_json(response.text).faults
    assert faults
    assert all(one.thing and one.fault and one.cure for one in faults)
    return "; ".join(f"{one.thing}: {one.fault}" for one in faults)


def test_taken_and_online_when_it_answers(service: Service) -> None:
    response = service.one([complaint("a1", "C3")])
    assert response.status_code == 200
    (answer,) = response.json()["events"]
    assert (answer["event_id"], answer["status"], answer["tags"]) == ("a1", "accepted", "online")
    assert NINE <= datetime.fromisoformat(answer["recorded_at"]) < NINE + timedelta(minutes=10)
    assert service.tag("C3", "complaint_count_365d") == 1


def test_sent_again_is_repeated_and_another_under_its_id_is_a_conflict(service: Service) -> None:
    first = service.one([complaint("b1", "C4")]).json()["events"][0]
    kept = service.kept
    # The same instant and the same words, otherwise written.
    again = complaint("b1", "C4", occurred_at="2026-07-01T01:00:00Z", claim_id=None)
    answer = service.one([again])
    assert answer.status_code == 200
    assert answer.json()["events"][0] == first | {"status": "repeated"}
    other = complaint("b1", "C4", topic="service")
    told = "event b1: was sent before with other content"
    assert refused(service.one([other]), 409) == told
    assert service.kept == kept
    assert service.tag("C4", "complaint_count_365d") == 1


EVENT = complaint("r1")
REFUSED: list[tuple[Row, str]] = [
    (EVENT | {"occurred_at": "2026-07-01T12:00:00+08:00"}, "more than 300 seconds ahead"),
    (EVENT | {"customer_id": "nobody"}, "customer_id nobody is not a known customer"),
    (EVENT | {"type": "quote_viewed"}, "event r1, quote_id: Field required"),
    (EVENT | {"type": "party_held"}, "event r1, type: Input tag 'party_held'"),
    (EVENT | {"topic": "weather"}, "event r1, topic: Input should be 'claims'"),
    (EVENT | {"occurred_at": "2026-07-01T09:00:00"}, "occurred_at: Input should have timezone"),
    (EVENT | {"occurred_at": 1782867600}, "a text as ISO 8601"),
    (EVENT | {"occurred_at": "0001-01-01T00:00:00Z"}, "should be of a year from 1950 to 2199"),
    (EVENT | {"mood": "bad"}, "event r1, mood: Extra inputs are not permitted"),
    (EVENT | {"case_id": 7}, "event r1, case_id: Input should be a valid string"),
    (EVENT | {"case_id": "K\n1"}, "event r1, case_id: String should match pattern"),
    (EVENT | {"event_id": ""}, "event_id: String should have at least 1 character"),
    ({"event_id": "r1"}, "event r1, type: Unable to extract tag"),
    ({"event_id": "r1", "type": "quote_viewed", "customer_id": "C1", "quote_id": "Q9",
      "occurred_at": "2026-07-01T09:00:00+08:00"}, "quote_id Q9 is not known of customer C1"),
    ({"event_id": "r1", "type": "quote_made", "customer_id": "C1", "quote_id": "Q9",
      "line": "health", "premium": True, "occurred_at": "2026-07-01T09:00:00+08:00"},
     "premium: Value error, should be a number"),
]  # fmt: skip


@pytest.mark.parametrize(("event", "fault"), REFUSED, ids=[fault[-30:] for _, fault in REFUSED])
def test_what_cannot_be_is_refused_and_leaves_no_trace(
    service: Service, event: Row, fault: str
) -> None:
    kept = service.kept
    assert fault in refused(service.one([event]), 422)
    assert service.kept == kept


@pytest.mark.parametrize(
    ("body", "status", "fault"),
    [
        ([], 422, "events: List should have at least 1 item"),
        ([EVENT] * 101, 422, "events: List should have at most 100 items"),
        (b'{"events": [', 422, "body: is not JSON"),
        (b'{"events": [NaN]}', 422, "event without a name"),
        (b'{"event": []}', 422, "events: Field required"),
        (b" " * (LARGEST_BODY + 1), 413, "request: is too large"),
    ],
)
def test_a_request_that_is_not_as_declared(
    service: Service, body: Any, status: int, fault: str
) -> None:
    assert fault in refused(service.one(body), status)


def test_who_shows_no_token_is_told_nothing(service: Service) -> None:
    kept = service.kept
    for body in ([EVENT], b"{"):
        assert "token" in refused(service.one(body, token="x.y.z"), 401)
    assert service.kept == kept


def test_to_a_token_of_some_branches_others_are_nobody(service: Service) -> None:
    """Not even an event that was accepted before is known of them, nor another under its id."""
    assert service.one([complaint("s1", "C7")]).status_code == 200
    kept, settings = service.kept, service.lake.settings
    desk = make_token(settings, "desk", datetime.now(tz=UTC), branches=["杭州"])
    for event in (complaint("s1", "C7"), complaint("s1", "C7", topic="service"), complaint("s2")):
        foreign = service.one([event], token=desk)
        unknown = service.one([event | {"customer_id": "C99"}], token=desk)
        assert "is not a known customer" in refused(foreign, 422)
        assert foreign.text.replace(event["customer_id"], "C99") == unknown.text
    assert service.kept == kept


def test_a_bad_event_costs_no_other(service: Service) -> None:
    body = [
        complaint("c1", "C5"),
        {"event_id": "c2", "type": "wecom_added", "customer_id": "C5"},
        complaint("c3", "C6"),
        complaint("c1", "C5"),
        complaint("c1", "C6"),
    ]
    response = service.one(body)
    assert response.status_code == 207
    found = response.json()["events"]
    assert [one["status"] for one in found] == [
        "accepted", "refused", "accepted", "repeated", "refused"]  # fmt: skip
    assert [one["conflict"] for one in found] == [False, False, False, False, True]
    assert [one["tags"] for one in found] == ["online", None, "online", "online", None]
    assert found[1]["faults"][0]["thing"] == "event c2, occurred_at"
    assert [service.tag(one, "complaint_count_365d") for one in ("C5", "C6")] == [1, 1]


def test_of_twenty_requests_at_once_each_event_is_kept_once_and_online(
    online_home: Path, tmp_path: Path, online_url: str, desk_in: Callable[[Path], Any]
) -> None:
    """Ten of one customer, five of another, and one that is sent five times."""
    service = Service(desk_in(tmp_path).lake.home, online_url)
    feast_client.materialize(service.lake, YESTERDAY, now=NINE)
    bodies = [[complaint(f"t{number}", "C1")] for number in range(10)]
    bodies += [[complaint(f"u{number}", "C2")] for number in range(5)] + [[complaint("v")]] * 5
    answers = [response.json()["events"][0] for response in service.send(*bodies)]
    assert Counter(one["status"] for one in answers) == {"accepted": 16, "repeated": 4}
    assert {one["tags"] for one in answers} == {"online"}
    assert len({one["recorded_at"] for one in answers[:10]}) == 10
    found = [service.tag(one, "complaint_count_365d") for one in ("C1", "C2", "C3")]
    assert (found, service.kept) == ([11, 5, 0], 16)
    feast_client.forget(service.lake)


def test_a_store_that_is_away_costs_no_event(
    tmp_path: Path, desk_in: Callable[[Path], Any]
) -> None:
    """Redis does not answer: the event is kept and said to wait; the next start brings it up."""
    home = desk_in(tmp_path).lake.home
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        away = Service(home, f"redis://127.0.0.1:{nobody.getsockname()[1]}/0")
        answer = away.one([complaint("w1")])
    assert answer.status_code == 200
    (found,) = answer.json()["events"]
    assert (found["status"], found["tags"]) == ("accepted", "pending")
    feast_client.forget(away.lake)
    back = Service(home)
    assert back.tag("C1", "complaint_count_365d") == 1
    (again,) = back.one([complaint("w1")]).json()["events"]
    assert again == found | {"status": "repeated", "tags": "online"}
    feast_client.forget(back.lake)


def test_a_home_without_customers_says_what_to_do(tmp_path: Path) -> None:
    empty = Service(tmp_path / "empty")
    assert "table customers: has no checked rows" in refused(empty.one([EVENT]), 503)
