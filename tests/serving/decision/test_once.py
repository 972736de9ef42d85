"""Decisions over the demo: once is once, the day of the contact, and tags that are too old."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from features.lake import Lake
from serving.decision.decider import Decider
from serving.decision.replay import replay
from serving.decision.schemas import DecideContext, DecideRequest, DecideResponse
from serving.decision.touchpoint_source import TouchpointSource
from serving.predictions.service import PredictionService
from serving.records.contacts.outcomes import Outcome, note_outcome
from serving.records.database import Records
from serving.records.people.consents import ConsentChange, write_consent

pytestmark = pytest.mark.slow
Copy = Callable[..., Lake]
ZONE = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 7, 1, 4, tzinfo=UTC)
NIGHT = datetime(2026, 7, 1, 14, tzinfo=UTC)  # 22:00 in Shanghai
POLICY = "exploration_share = 0.0\nholdout_share = 0.0\nmotor_margin_share = 1.0\n"
CAPS = "".join(
    f"[rules]\n{name} = false\n" if number == 0 else f"{name} = false\n"
    for number, name in enumerate(
        ("marketing_day", "marketing_week", "marketing_month", "marketing_sms_month",
         "marketing_phone_week", "wecom_day", "wecom_month")
    )
)  # fmt: skip


@pytest.fixture
def lake(copy: Copy) -> Lake:
    found = copy("feast", "scores")
    (found.home / "policy.toml").write_text(POLICY, encoding="utf-8")
    (found.home / "contact_caps.toml").write_text(CAPS, encoding="utf-8")
    return found


@pytest.fixture
def decider(lake: Lake, records: Records) -> Decider:
    return Decider(PredictionService(lake), records, TouchpointSource(lake))


@pytest.fixture
def tags(lake: Lake) -> pd.DataFrame:
    """Tags of the demo's last day by customer, as far as the tests choose customers by them."""
    names = ["days_to_unrenewed_expiry", "days_since_last_motor_signing", "open_claims",
             "open_complaints", "days_since_last_claim_paid", "days_since_last_claim_closed",
             "motor_policies_in_force"]  # fmt: skip
    frames = [
        pd.read_parquet(path).set_index("customer_id")
        for path in sorted(lake.home.glob("tags/*/*.parquet"))
    ]
    return pd.concat([frame[frame.columns.intersection(names)] for frame in frames], axis=1)


def ask(decider: Decider, customer: str, at: datetime, **context: Any) -> DecideResponse:
    request = DecideRequest(
        customer_id=customer, decision_point="daily_batch", context=DecideContext(**context)
    )
    return decider.decide(request, at)


def agree(records: Records, customers: list[str]) -> None:
    for customer in customers:
        with records.writing() as connection:
            write_consent(connection, ConsentChange(customer, "marketing", True, NOON), NOON)


def told(records: Records, answer: DecideResponse, kinds: list[str], at: datetime) -> None:
    assert answer.action
    for kind in kinds:
        with records.writing() as connection:
            note_outcome(connection, Outcome(kind, at, contact_id=answer.action.contact_id), at)


def test_a_service_message_is_given_once_and_then_the_renewal_is_heard(
    decider: Decider, records: Records, tags: pd.DataFrame
) -> None:
    insured = tags["motor_policies_in_force"] > 0
    served = (
        tags["days_since_last_claim_paid"].between(0, 2)
        | tags["days_since_last_claim_closed"].between(2, 9)
        | (tags["days_since_last_motor_signing"].between(0, 14) & insured)
    )
    calm = (tags["open_claims"] == 0) & (tags["open_complaints"] == 0)
    customers = list(tags.index[served & calm])
    assert len(customers) >= 10
    agree(records, customers)
    kinds, heard = set(), False
    for customer in customers:
        given: list[str] = []
        for minute in range(8):
            at = NOON + timedelta(minutes=minute)
            answer = ask(decider, customer, at)
            if answer.action is None:
                break
            given.append(answer.action.touchpoint)
            kinds.add(answer.action.kind)
            told(records, answer, ["sent", "delivered", "read"], at)
        assert len(set(given)) == len(given)
        assert answer.action is None
        left = {one.touchpoint: one.why for one in answer.left_out}
        assert left.items() >= dict.fromkeys(given, "made").items()
        heard = heard or any(name.startswith("renewal_") for name in given[1:])
    assert kinds == {"service", "marketing"}
    assert heard


def test_texts_say_the_days_from_the_contact_to_the_end_of_cover(
    decider: Decider, records: Records, tags: pd.DataFrame, lake: Lake
) -> None:
    """At noon a contact is made today; at night it is planned for the morning and says so."""
    days = tags["days_to_unrenewed_expiry"]
    calm = (tags["open_claims"] == 0) & (tags["open_complaints"] == 0)
    customers = list(tags.index[days.between(2, 61) & calm])
    agree(records, customers)
    seen = {NOON: 0, NIGHT: 0}
    for number, customer in enumerate(customers):
        at = (NOON, NIGHT)[number % 2]
        answer = ask(decider, customer, at, channel="sms")
        if answer.action is None or answer.action.touchpoint not in TOLD:
            continue
        end = date(2026, 6, 30) + timedelta(int(days[customer]))
        made = answer.action.planned_at.astimezone(ZONE).date()
        assert made == (date(2026, 7, 1) if at == NOON else date(2026, 7, 2))
        assert f"{(end - made).days}天" in answer.action.script.chinese
        assert replay(lake, records, answer.decision_id).same
        seen[at] += 1
    assert all(seen.values()), seen


TOLD = ("renewal_60d", "renewal_30d", "renewal_15d", "renewal_7d")


def test_tags_of_months_ago_make_no_candidate_and_the_answer_says_so(
    decider: Decider, tags: pd.DataFrame
) -> None:
    customer = str(tags.index[tags["days_to_unrenewed_expiry"].between(40, 50)][0])
    fresh = ask(decider, customer, NOON)
    assert fresh.tags
    assert (fresh.stale, fresh.tags.age_days) == (False, 1)
    later = ask(decider, customer, NOON + timedelta(days=150))
    assert later.tags
    assert (later.action, later.stale, later.tags.age_days) == (None, True, 151)
    assert later.reasons.english == (
        "Silence: the tags are of 2026-06-30, 151 days old, too old to be used."
    )
