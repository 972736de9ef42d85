"""What an event says is in the tags, no more and no less, as soon as it is online."""

import json
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from features.events.intake import RefusedError
from features.lake import Lake, compiled
from features.online import feast_client
from features.online.push_events import catch_up
from features.online.reader import read_tags
from features.online.store import push
from features.tags.catalogue import catalogue, groups

Row = dict[str, Any]
Later = Callable[[float], datetime]
TODAY = date(2026, 7, 1)

# Event, its fields, and the tags that it moves, before and after.
CASES: list[tuple[str, Row, dict[str, tuple[Any, Any]]]] = [
    ("quote_made", {"quote_id": "Q2", "line": "accident"},
     {"quote_count_30d": (1, 2), "accident_quote_count_365d": (0, 1),
      "renewal_quote_count": (1, 1), "days_since_last_quote": (10, 0)}),
    ("quote_delivered", {"quote_id": "Q1 @"},
     {"quote_delivered_count_90d": (0, 1), "quote_viewed_count_90d": (0, 0),
      "renewal_quote_delivered": (False, True)}),
    ("quote_viewed", {"quote_id": "Q1 @"},
     {"quote_viewed_count_90d": (0, 1), "quote_count_90d": (1, 1),
      "renewal_quote_viewed": (False, True), "renewal_quote_premium": (3100.0, 3100.0)}),
    ("complaint_received", {"case_id": "K1", "topic": "claims"},
     {"complaint_count_365d": (0, 1), "open_complaints": (0, 1), "survey_count_365d": (0, 0)}),
    ("survey_answered", {"case_id": "K1", "topic": "service", "score": 2},
     {"survey_count_365d": (0, 1), "survey_score_last": (None, 2), "complaint_count_365d": (0, 0)}),
    ("contact_made",
     {"interaction_id": "I1", "touchpoint": "birthday", "channel": "sms", "direction": "out",
      "result": "clicked", "cost": None},
     {"contact_count_30d": (0, 1), "sms_contact_count_365d": (0, 1),
      "contact_response_count_30d": (0, 1), "inbound_contact_count_90d": (0, 0)}),
    ("payment_started", {"interaction_id": "I1", "channel": "app"},
     {"inbound_contact_count_90d": (0, 1), "contact_count_30d": (0, 0)}),
    ("mini_program_bound", {}, {"mini_program_bound": (False, True), "wecom_added": (False, False),
                                "days_since_mini_program_bound": (None, 0)}),
    ("wecom_added", {}, {"wecom_added": (False, True), "mini_program_bound": (False, False)}),
    ("entitlement_activated", {"entitlement_id": "E1 @"},
     {"entitlement_activated_count_365d": (0, 1), "entitlements_open": (1, 1)}),
    ("entitlement_used", {"entitlement_id": "E1 @"},
     {"entitlement_used_count_365d": (0, 1), "entitlements_open": (1, 0),
      "entitlement_cost_365d": (0.0, 80.0)}),
    ("consent_changed", {"consent_id": "M1", "purpose": "marketing", "granted": True},
     {"marketing_consent": (None, True), "profiling_consent": (None, None)}),
]  # fmt: skip


@pytest.mark.parametrize("case", range(len(CASES)), ids=[name for name, *_ in CASES])
def test_an_event_moves_its_tags(one_desk: Any, case: int) -> None:
    (name, fields, moved), customer = CASES[case], f"C{case + 3}"
    fields = {key: str(value).replace("@", customer) if isinstance(value, str) else value
              for key, value in fields.items()}  # fmt: skip
    fields |= {key: f"{value} {customer}" for key, value in fields.items()
               if key.endswith("_id") and customer not in str(value)}  # fmt: skip
    others = one_desk.online("C2", *moved)
    assert one_desk.online(customer, *moved) == {tag: before for tag, (before, _) in moved.items()}
    kept = one_desk.send(name, customer, **fields)
    assert one_desk.online(customer, *moved) == {tag: after for tag, (_, after) in moved.items()}
    assert one_desk.online("C2", *moved) == others
    (row,) = read_tags(one_desk.lake, [customer], [next(iter(moved))])
    assert row["as_of"] == TODAY
    assert abs(row["freshness"] - kept.recorded_at) < timedelta(seconds=1)


def test_a_claim_of_two_days_ago(desk: Any, later: Later) -> None:
    tags = ("claim_count_30d", "open_claims", "days_since_last_claim", "injury_claim_count_365d")
    assert desk.online("C1", *tags) == dict(zip(tags, (0, 0, None, 0), strict=True))
    desk.send("claim_reported", claim_id="K9", policy_id="P1 C1", accident_at=later(-2 * 86_400),
              injury=True, at_fault=False)  # fmt: skip
    assert desk.online("C1", *tags) == dict(zip(tags, (1, 1, 2, 1), strict=True))
    # Reported once more, with the amount of fault known: the same claim, not a second one.
    desk.send("claim_reported", claim_id="K9", policy_id="P1 C1", accident_at=later(-2 * 86_400),
              at_fault=True, received=later(60))  # fmt: skip
    found = desk.online("C1", *tags, "at_fault_claim_count_365d")
    assert found == dict(zip((*found,), (1, 1, 2, 1, 1), strict=True))


def test_late_is_known_now_and_counted_when_it_was(desk: Any, later: Later) -> None:
    kept = desk.send("complaint_received", case_id="K1", topic="price",
                     occurred=later(-100 * 86_400))  # fmt: skip
    assert kept.recorded_at == later(0)
    tags = ("complaint_count_365d", "open_complaints")
    assert desk.online("C1", *tags) == {"complaint_count_365d": 1, "open_complaints": 1}
    desk.send("quote_made", quote_id="Q0", line="health", occurred=later(-100 * 86_400))
    tags = ("quote_count_90d", "quote_count_180d", "days_since_last_quote")
    assert desk.online("C1", *tags) == dict(zip(tags, (1, 2, 11), strict=True))


def test_what_happens_at_one_instant_is_all_kept(desk: Any) -> None:
    for number in range(5):
        desk.take("complaint_received", case_id=f"K{number}", topic="claims")
    desk.fresh.refresh(["C1"])
    assert desk.online("C1", "complaint_count_365d") == {"complaint_count_365d": 5}


def test_a_clock_slightly_ahead_is_taken_for_now(desk: Any, later: Later) -> None:
    kept = desk.send("quote_viewed", quote_id="Q1 C1", occurred=later(299))
    assert kept.recorded_at == later(0)
    assert desk.online("C1", "quote_viewed_count_90d") == {"quote_viewed_count_90d": 1}


def test_a_consent_withdrawn_takes_its_tags_offline(desk: Any, later: Later) -> None:
    before = desk.group("telematics")
    assert {value for value in before.values() if value is not None}
    desk.send("consent_changed", consent_id="L2", purpose="location", granted=False)
    assert set(desk.group("telematics").values()) == {None}
    desk.send("consent_changed", consent_id="L3", purpose="location", granted=True,
              received=later(60))  # fmt: skip
    again = desk.group("telematics")
    # What is left moves with the calendar.
    moved = {name for name, value in before.items() if again[name] != value}
    assert {name for name in moved if not name.startswith("days_since_")} == {
        "driven_days_share_90d"
    }


def test_a_word_on_one_channel_is_a_word_on_that_channel(desk: Any) -> None:
    desk.send(
        "consent_changed", consent_id="M2", purpose="marketing", granted=False, channel="phone"
    )
    assert desk.online("C1", "marketing_consent", "latest_consents") == {
        "marketing_consent": None,
        "latest_consents": "location:yes:1735704000;marketing.phone:no:1782867600",
    }
    with pytest.raises(RefusedError, match="only marketing is by channel"):
        desk.take(
            "consent_changed", consent_id="M3", purpose="profiling", granted=False, channel="phone"
        )


def test_only_groups_that_read_the_table_are_computed(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pushed: list[str] = []
    monkeypatch.setattr(
        "features.online.push_events.push", lambda lake, group, rows: pushed.append(group)
    )
    desk.send("quote_viewed", quote_id="Q1 C1")
    assert "behaviour" in pushed
    assert set(pushed) < set(groups())
    reading = {tag.group for tag in catalogue().values() if tag.relation == "quotes"}
    assert reading <= set(pushed)


def test_who_is_first_brings_what_waits(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    computed: list[set[str]] = []
    compute = desk.fresh._live.compute

    def counted(customers: dict[str, datetime], *more: Any) -> Any:
        computed.append(set(customers))
        return compute(customers, *more)

    monkeypatch.setattr(desk.fresh._live, "compute", counted)
    for number in range(3):
        desk.take("complaint_received", case_id=f"K{number}", topic="claims")
    desk.take("complaint_received", "C2", case_id="K9", topic="claims")
    desk.fresh.refresh(["C1"])
    desk.fresh.refresh(["C2"])
    assert computed == [{"C1", "C2"}]


def test_what_failed_is_caught_up_with_the_next_event(
    desk: Any, monkeypatch: pytest.MonkeyPatch, later: Later
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("features.online.push_events.push", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            desk.send("quote_viewed", quote_id="Q1 C1")
    assert desk.inbox.waiting_customers() == ["C1"]
    assert desk.online("C1", "quote_viewed_count_90d") == {"quote_viewed_count_90d": 0}
    # Of another customer and table.
    desk.send("wecom_added", "C2", received=later(10))
    assert desk.online("C2", "wecom_added") == {"wecom_added": True}
    assert desk.online("C1", "quote_viewed_count_90d") == {"quote_viewed_count_90d": 1}
    assert desk.inbox.waiting_customers() == []


def test_a_start_brings_up_what_an_earlier_process_left(desk: Any) -> None:
    desk.take("quote_viewed", quote_id="Q1 C1")
    type(desk)(desk.lake).fresh.prepare()
    assert desk.online("C1", "quote_viewed_count_90d") == {"quote_viewed_count_90d": 1}


def test_a_snapshot_loaded_after_later_events_keeps_them_and_adds_what_it_knows(
    desk: Any, later: Later, put: Callable[[Lake, str, list[Row]], None], tables: dict[str, Any]
) -> None:
    """The night: an event after midnight, a check that brings more of yesterday, then loading."""
    desk.send("quote_viewed", quote_id="Q1 C1")
    row = tables["quotes"][0] | {"quote_id": "Q7", "recorded_at": later(-86_400)}
    put(desk.lake, "quotes", [*tables["quotes"], row])
    yesterday = date(2026, 6, 30)
    feast_client.materialize(desk.lake, yesterday, now=later(600))
    tags = ("quote_count_90d", "quote_viewed_count_90d")
    assert desk.online("C1", *tags) == dict(zip(tags, (1, 1), strict=True))
    assert catch_up(desk.lake, yesterday, later(600)) == 1
    assert desk.online("C1", *tags) == dict(zip(tags, (2, 1), strict=True))
    # Who was slow, and pushes what he computed of the older rows, does not replace it.
    rows = desk.fresh._live.compute({"C1": later(0)}, ["behaviour"])["behaviour"]
    place = rows.column_names.index("quote_count_90d")
    push(desk.lake, "behaviour", rows.set_column(place, "quote_count_90d", [[1]]))
    assert desk.online("C1", *tags) == dict(zip(tags, (2, 1), strict=True))


def test_what_is_refused_leaves_no_trace(desk: Any, later: Later) -> None:
    with pytest.raises(RefusedError):
        desk.send("quote_viewed", quote_id="Q1 C1", occurred=later(-30 * 86_400))
    assert desk.inbox.waiting_customers() == []
    assert desk.online("C1", "quote_viewed_count_90d") == {"quote_viewed_count_90d": 0}


def test_the_kept_sql_is_that_of_the_definitions(
    desk: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "compiled" / "code"
    monkeypatch.setattr(compiled, "sql_folder", lambda lake: folder)

    def prepare(word: str) -> set[str]:
        """What lies in the folder when a new process, which would write this, is ready."""
        monkeypatch.setattr(compiled, "_queries", {})
        statement = "features.online.event_tags._statement"
        monkeypatch.setattr(statement, lambda tables, group: f"SELECT '{word} {group}'")
        type(desk)(desk.lake).fresh.prepare()
        texts = [json.loads(path.read_text("utf-8")) for path in folder.iterdir()]
        return {text["claims"] for text in texts}

    assert prepare("first") == {"SELECT 'first claims'"}
    assert prepare("second") == {"SELECT 'first claims'"}
    (desk.lake.home / "star.toml").write_text("break_months = 3\n")
    assert prepare("third") == {"SELECT 'first claims'", "SELECT 'third claims'"}
