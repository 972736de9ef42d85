"""The day of a contact over HTTP: decided, sent, refused, explained, reviewed, and made again."""

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest

from features.lake import Lake
from features.online.reader import read_tags
from serving.auth.tokens import make_token
from serving.schemas import Refusal

pytestmark = pytest.mark.slow
Command = Callable[..., Any]
Serving = Callable[..., AbstractContextManager[str]]
NOON = datetime(2026, 7, 1, 4, tzinfo=UTC)
POINT = "renewal_desk"


class Api:
    """A service at noon, over a home whose customers can be contacted."""

    def __init__(self, url: str, lake: Lake) -> None:
        self.lake = lake
        self.client = httpx.Client(base_url=url, timeout=60)

    def token(self, *scopes: str, branches: list[str] | None = None) -> str:
        now = datetime.now(UTC)
        return make_token(
            self.lake.settings, "tests", now, scopes=scopes or None, branches=branches
        )

    def ask(self, method: str, path: str, body: Any = None, token: str = "") -> httpx.Response:
        headers = {"Authorization": f"Bearer {token or self.token()}"}
        return self.client.request(method, path, json=body, headers=headers)

    def decide(self, customer: str, **more: Any) -> dict[str, Any]:
        body = {"customer_id": customer, "decision_point": "tests", **more}
        response = self.ask("POST", "/decide", body)
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found


@pytest.fixture(scope="module")
def api(
    contactable: Callable[[Path], Lake],
    serving: Serving,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Api]:
    lake = contactable(tmp_path_factory.mktemp("decisions") / "home")
    ahead = str((NOON - datetime.now(UTC)).total_seconds())
    folder = tmp_path_factory.mktemp("decisions-service")
    with serving(lake.home, folder, GUANJIA_CLOCK_AHEAD_SECONDS=ahead) as url:
        found = Api(url, lake)
        yield found
        found.client.close()


@pytest.fixture(scope="module")
def contacted(api: Api) -> Iterator[tuple[str, dict[str, Any]]]:
    """Customers who are contacted, each once, with the decision."""

    def one_after_the_other() -> Iterator[tuple[str, dict[str, Any]]]:
        (path,) = sorted((api.lake.home / "scores").glob("*.parquet"))[-1:]
        scores = pd.read_parquet(path)
        for customer in scores.loc[scores["renewal"].notna(), "customer_id"]:
            answer = api.decide(customer, client_key=f"first {customer}")
            if answer["action"]:
                yield customer, answer

    return one_after_the_other()


def refused(response: httpx.Response, status: int) -> str:
    assert response.status_code == status, response.text
    faults = Refusal.model_validate_json(response.text).faults
    assert all(one.thing and one.fault and one.cure for one in faults)
    return "; ".join(f"{one.thing}: {one.fault}" for one in faults)


def outcome(kind: str, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "occurred_at": "2026-07-01T12:00:00+08:00", **more}


def test_a_contact_from_its_decision_to_its_outcome(
    api: Api, contacted: Iterator[tuple[str, dict[str, Any]]], run: Command
) -> None:
    customer, answer = next(contacted)
    action = answer["action"]
    assert (action["touchpoint"], action["channel"]) == ("renewal_always", "sms")
    assert "Your cover can be renewed." in action["script"]["english"]
    assert action["script"]["chinese"].endswith("拒收请回复R")
    # Sent again it is the same one; another request is silence, because once is enough.
    assert api.decide(customer, client_key=f"first {customer}") == answer
    assert (answer["stale"], answer["tags"]["age_days"], answer["left_out"]) == (False, 1, [])
    second = api.decide(customer)
    assert second["action"] is None
    (left_out,) = second["left_out"]
    assert (left_out["touchpoint"], left_out["why"]) == ("renewal_always", "made")
    assert second["reasons"]["chinese"] == "保持静默：续保测试已于7月1日触达或排定，不再重复。"
    assert second["held_by"] == ["made"]
    sent = {"outcomes": [outcome("sent", client_key="sent-001", contact_id=action["contact_id"])]}
    (told,) = api.ask("POST", "/v1/outcomes", sent).json()["outcomes"]
    assert told["status"] == "accepted"
    # It is dated 12 o'clock, when there was no contact yet: so it is said.
    assert told["occurred_at"] > "2026-07-01T04:00:00Z"
    assert "before its contact was reserved: it counts as of" in told["faults"][0]["fault"]
    (again,) = api.ask("POST", "/v1/outcomes", sent).json()["outcomes"]
    assert again == told | {"status": "repeated", "recorded_at": again["recorded_at"]}
    read = [
        outcome("read", client_key=key, contact_id=action["contact_id"])
        for key in ("sent-001", "read-001")
    ]
    other = {"outcomes": read}
    response = api.ask("POST", "/v1/outcomes", other)
    assert response.status_code == 207
    assert [one["status"] for one in response.json()["outcomes"]] == ["refused", "accepted"]
    explained = api.ask("GET", f"/v1/decisions/{answer['decision_id']}").json()
    assert explained["answer"] == answer
    assert [one["touchpoint"] for one in explained["candidates"]] == ["renewal_always"]
    asked = api.ask(
        "POST", f"/v1/decisions/{answer['decision_id']}/review", {"reason": "why me?"}
    ).json()
    assert not asked["repeated"]
    done = run(api.lake.home, "replay", answer["decision_id"], "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["same"], found["action"]) == (True, "renewal_always, sms")


def test_a_human_reviews_a_decision(
    api: Api, contacted: Iterator[tuple[str, dict[str, Any]]]
) -> None:
    customer, decision = next(contacted)
    explained = f"/v1/decisions/{decision['decision_id']}"
    assert api.ask("GET", explained).json()["review"] is None
    asked = api.ask("POST", f"{explained}/review", {"reason": "为什么是我"}).json()
    of_customer = f"/v1/reviews?customer_id={customer}"
    desk = api.token("reviews:read", "reviews:answer")
    (listed,) = api.ask("GET", of_customer, token=desk).json()["reviews"]
    assert (listed["review_id"], listed["reason"]) == (asked["review_id"], "为什么是我")
    assert (listed["touchpoint"], listed["channel"], listed["answer"]) == (
        "renewal_always", "sms", None,
    )  # fmt: skip
    page = api.ask("GET", "/v1/reviews?limit=1&state=all", token=desk).json()
    rest = api.ask("GET", f"/v1/reviews?state=all&after={page['reviews'][0]['review_id']}").json()
    assert page["next"] == page["reviews"][0]["review_id"]
    assert listed in rest["reviews"]
    assert rest["next"] is None
    # Another branch sees none of it.
    elsewhere = api.token("reviews:read", "reviews:answer", branches=["nowhere"])
    assert api.ask("GET", of_customer, token=elsewhere).json() == {"reviews": [], "next": None}
    where = f"/v1/reviews/{asked['review_id']}/answer"
    words = {"answer": "不再联系", "upheld": False}
    hidden = refused(api.ask("POST", where, words, elsewhere), 404)
    assert hidden == f"review {asked['review_id']}: is not known"
    assert "scope" in refused(api.ask("POST", where, words, api.token("reviews:read")), 403)
    first = api.ask("POST", where, words, desk).json()
    assert (first["repeated"], first["review"]["answered_by"]) == (False, "tests")
    again = api.ask("POST", where, words, desk).json()
    assert again == {"review": first["review"], "repeated": True}
    assert "was answered by" in refused(api.ask("POST", where, words | {"upheld": True}, desk), 409)
    assert "upheld" in refused(api.ask("POST", where, {"answer": "不再联系"}, desk), 422)
    assert api.ask("GET", explained).json()["review"] == first["review"]
    assert api.ask("GET", of_customer, token=desk).json()["reviews"] == []


def test_an_opt_out_holds_at_once(
    api: Api, contacted: Iterator[tuple[str, dict[str, Any]]]
) -> None:
    customer, answer = next(contacted)
    where = f"/v1/customers/{customer}/consents"
    assert api.ask("GET", where).json()["marketing"] is True
    told = [
        outcome("not_sent", client_key="out-0000", contact_id=answer["action"]["contact_id"]),
        outcome("opted_out", client_key="out-0001", customer_id=customer, channel="sms"),
    ]
    assert api.ask("POST", "/v1/outcomes", {"outcomes": told}).status_code == 200
    assert api.ask("GET", where).json()["channels"]["sms"] is False
    after = api.decide(customer, alternatives=1)
    kept_back = (one["name"] for one in after["alternatives"][0]["gates"] if not one["passed"])
    assert (after["action"], next(kept_back)) == (None, "consent")
    # Until he says otherwise, for himself.
    said = {"client_key": "in-00001", "purpose": "marketing", "channel": "sms", "granted": True,
            "changed_at": "2026-07-01T12:30:00+08:00"}  # fmt: skip
    assert [api.ask("POST", where, said).json()["repeated"] for _ in range(2)] == [False, True]
    assert "in-00001" in refused(api.ask("POST", where, said | {"granted": False}), 409)
    assert api.ask("GET", where).json()["channels"]["sms"] is True
    assert "marketing.sms:yes:" in str(read_tags(api.lake, [customer], ["latest_consents"]))


def test_what_is_not_sent_gives_its_place_back(
    api: Api, contacted: Iterator[tuple[str, dict[str, Any]]]
) -> None:
    customer, answer = next(contacted)
    assert api.decide(customer)["action"] is None
    told = outcome("not_sent", client_key="not-0001", contact_id=answer["action"]["contact_id"])
    assert api.ask("POST", "/v1/outcomes", {"outcomes": [told]}).status_code == 200
    assert api.decide(customer)["action"] is not None


def test_a_renewal_ends_what_is_reserved_and_every_renewal_touchpoint(
    api: Api, contacted: Iterator[tuple[str, dict[str, Any]]]
) -> None:
    customer, answer = next(contacted)
    contact = answer["action"]["contact_id"]

    def state() -> str:
        with closing(sqlite3.connect(api.lake.home / "records.db")) as connection:
            asked = "SELECT state FROM contacts WHERE contact_id = ?"
            (found,) = connection.execute(asked, [contact]).fetchone()
        return str(found)

    assert state() == "reserved"
    told = outcome("renewed", client_key="won-0001", customer_id=customer)
    assert api.ask("POST", "/v1/outcomes", {"outcomes": [told]}).status_code == 200
    assert state() == "released"
    after = api.decide(customer)
    assert (after["action"], [one["why"] for one in after["left_out"]]) == (None, ["ended"])


def test_what_cannot_be_is_refused_by_name(
    api: Api, contacted: Iterator[tuple[str, dict[str, Any]]]
) -> None:
    customer, answer = next(contacted)
    ask = {"customer_id": customer, "decision_point": "tets"}
    assert refused(api.ask("POST", "/decide", ask), 404).startswith("decision point tets")
    assert "C0" in refused(api.ask("POST", "/decide", ask | {"customer_id": "C0"}), 404)
    unknown = {"outcomes": [outcome("sent", client_key="x-000001", contact_id="abc")]}
    (one,) = api.ask("POST", "/v1/outcomes", unknown).json()["outcomes"]
    assert one["faults"][0]["thing"] == "contact abc"
    assert refused(api.ask("GET", "/v1/decisions/abc"), 404).startswith("decision abc")
    key = {"decision_point": "tests", "client_key": f"first {customer}", "customer_id": customer}
    assert refused(api.ask("POST", "/decide", key | {"alternatives": 3}), 409)
    for scope, method, path in (
        ("predict", "POST", "/decide"),
        ("decide", "GET", f"/v1/decisions/{answer['decision_id']}"),
        ("consents:read", "POST", f"/v1/customers/{customer}/consents"),
    ):
        assert "scope" in refused(api.ask(method, path, {}, api.token(scope)), 403)


def test_another_branch_sees_neither_customer_nor_decision_nor_contact(
    api: Api, contacted: Iterator[tuple[str, dict[str, Any]]]
) -> None:
    customer, answer = next(contacted)
    token = api.token(branches=["nowhere"])
    ask = {"customer_id": customer, "decision_point": "tests"}
    hidden = refused(api.ask("POST", "/decide", ask, token), 404)
    nobody = refused(api.ask("POST", "/decide", ask | {"customer_id": "C99999999"}, token), 404)
    assert hidden.replace(customer, "C99999999") == nobody
    for method, path, body in (
        ("GET", f"/v1/decisions/{answer['decision_id']}", None),
        ("POST", f"/v1/decisions/{answer['decision_id']}/review", {"reason": "?"}),
        ("GET", f"/v1/customers/{customer}/consents", None),
    ):
        assert refused(api.ask(method, path, body, token), 404)
    told = outcome("sent", client_key="y-000001", contact_id=answer["action"]["contact_id"])
    (one,) = api.ask("POST", "/v1/outcomes", {"outcomes": [told]}, token).json()["outcomes"]
    assert one["faults"][0]["fault"] == "is not known"


def test_who_read_whom_is_in_the_records(
    api: Api, contacted: Iterator[tuple[str, dict[str, Any]]]
) -> None:
    customer, _ = next(contacted)
    api.ask("POST", "/predict", {"customer_ids": [customer]})
    noted, rows = ("tests", "POST /predict", json.dumps([customer])), []
    for _ in range(100):  # it is copied within a second, and the machine may be busy
        with closing(sqlite3.connect(api.lake.home / "records.db")) as connection:
            asked = "SELECT subject, endpoint, customer_ids FROM reads"
            rows = connection.execute(asked).fetchall()
        if noted in rows:
            break
        time.sleep(0.1)
    assert noted in rows
    assert all(customer not in endpoint for _, endpoint, _ in rows)


def insured(api: Api) -> tuple[str, str]:
    """A customer and a policy in force at noon of whom no claim is open."""
    policies = pd.read_parquet(api.lake.home / "checked" / "policies.parquet")
    now = NOON.date()
    force = policies[(policies["line"] == "motor_commercial") & policies["cancelled_on"].isna()]
    force = force[
        force["superseded_at"].isna() & (force["inception"] < now) & (force["expiry"] > now)
    ]
    claims = pd.read_parquet(api.lake.home / "checked" / "claims.parquet")
    calm = force[~force["customer_id"].isin(claims["customer_id"])]
    row = calm.sort_values("policy_id").iloc[0]
    return row["customer_id"], row["policy_id"]


def test_a_word_that_is_not_known_is_told_with_the_nearest(api: Api) -> None:
    for context, cure in (
        ({"channel": "fax"}, "use one of sms, wechat, wecom, phone, app, mail, branch"),
        ({"stage": "foo"}, "use one of entry, stickiness, trust"),
        ({"happened": ["quote_veiwed"]}, "did you mean quote_viewed"),
        ({"values": {"custmer": "x"}}, "did you mean customer"),
    ):
        body = {"customer_id": "C1", "decision_point": "tests", "context": context}
        response = api.ask("POST", "/decide", body)
        refused(response, 422)
        assert response.json()["faults"][0]["cure"].startswith(cure), response.text


def test_what_an_event_makes_due_is_decided_once(api: Api) -> None:
    customer, policy = insured(api)
    event = {
        "event_id": "accident 1", "type": "claim_reported", "customer_id": customer,
        "occurred_at": "2026-07-01T11:00:00+08:00", "accident_at": "2026-07-01T10:00:00+08:00",
        "claim_id": "L accident 1", "policy_id": policy,
    }  # fmt: skip
    (answer,) = api.ask("POST", "/v1/events", {"events": [event]}).json()["events"]
    assert [one["touchpoint"] for one in answer["due"]] == ["accident_care"], answer
    engine = api.token("decide")
    listed = api.ask("GET", "/v1/due", token=engine).json()["due"]
    (row,) = (one for one in listed if one["customer_id"] == customer)
    assert row["due_id"] == answer["due"][0]["due_id"]
    body = {
        "customer_id": customer, "decision_point": "call_in", "client_key": row["due_id"],
        "context": {"happened": [row["event_type"]]},
    }  # fmt: skip
    first, again = (api.ask("POST", "/decide", body, engine).json() for _ in range(2))
    assert first["action"]["touchpoint"] == "accident_care"
    assert again == first
    left = api.ask("GET", "/v1/due", token=engine).json()["due"]
    assert customer not in {one["customer_id"] for one in left}
    hidden = api.ask("GET", "/v1/due", token=api.token("decide", branches=["nowhere"]))
    assert hidden.json() == {"due": [], "next": None, "degraded": False}


def test_capacity_is_priced_from_what_was_decided(api: Api, run: Command, process: Command) -> None:
    (api.lake.home / "capacity.toml").write_text("[every_branch]\nsms = 0\n", encoding="utf-8")
    done = process(api.lake.home, "capacity", "--as-of", "2026-07-01", "--json")
    assert done.returncode == 0, done.stderr
    prices = [one for one in json.loads(done.stdout)["prices"] if one["channel"] == "sms"]
    assert all((one["price"] > 0) == (one["wanted"] > one["taken"]) for one in prices)
    assert any(one["price"] > 0 for one in prices)
    shown = run(api.lake.home, "capacity", "--as-of", "2026-07-01")
    assert "Capacity of the day after 2026-07-01" in shown.stdout
