"""From a request to a record, over the demo's customers: what is reserved, kept and made again."""

import json
import sqlite3
import threading
import zlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import Engine, event

from features.lake import Lake
from features.settings import Settings
from serving.decision.candidates import Candidate
from serving.decision.contact_text import ContactText, Speech
from serving.decision.decider import Decider
from serving.decision.left_out import Offered
from serving.decision.replay import replay
from serving.decision.schemas import DecideContext, DecideRequest, DecideResponse
from serving.decision.touchpoint_source import TouchpointSource
from serving.predictions.service import PredictionService
from serving.predictions.unknown_customers import UnknownCustomerError
from serving.records.contacts.decisions import find_decision
from serving.records.database import Records, RecordsAwayError
from serving.records.idempotency import ClientKeyConflictError
from serving.records.people.consents import ConsentChange, write_consent

pytestmark = pytest.mark.slow
Copy = Callable[..., Lake]
NOON = datetime(2026, 7, 1, 4, tzinfo=UTC)
SAID = "【管家车险】您好, 拒收请回复R"
EVERYBODY = """
exploration_share = 0.0
holdout_share = 0.0
motor_margin_share = 1.0
[weights]
"""


class Renewals(TouchpointSource):
    """Renewal by text message or WeCom, and nothing else."""

    def candidates(self, *_: Any, **__: Any) -> Offered:
        channels = (("sms", 0.05), ("wecom", 0.0))
        return Offered(
            [
                Candidate("renewal_30d", "到期前30天", "renewal", "marketing", one, cost, "renewal")
                for one, cost in channels
            ]
        )

    def text(
        self,
        candidate: Candidate,
        tags: Mapping[str, Any],
        speech: Speech,
    ) -> ContactText:
        return ContactText(SAID, "Hello", "续保", "renewal", "system")


@pytest.fixture
def lake(copy: Copy) -> Lake:
    found = copy("feast", "scores")
    (found.home / "policy.toml").write_text(EVERYBODY, encoding="utf-8")
    return found


@pytest.fixture
def decider(lake: Lake, records: Records) -> Decider:
    return Decider(PredictionService(lake), records, Renewals(lake))


def renewing(lake: Lake) -> list[str]:
    """Customers of whom renewal is asked and who consent to marketing by text message."""
    (path,) = sorted((lake.home / "scores").glob("*.parquet"))[-1:]
    scores = pd.read_parquet(path)
    day = path.stem.removeprefix("as_of=")
    tags = pd.concat(
        [
            pd.read_parquet(lake.home / "tags" / group / f"as_of={day}.parquet").set_index(
                "customer_id"
            )
            for group in ("engagement", "claims")
        ],
        axis=1,
    )
    tags = tags.loc[:, ~tags.columns.duplicated()]
    asked = scores.set_index("customer_id")["renewal"].notna()
    willing = (tags["marketing_consent"] == True) & (tags["sms_opted_out"] != True)  # noqa: E712
    willing &= ~tags["latest_consents"].str.contains("marketing.sms:no", regex=False, na=False)
    calm = (tags["open_claims"] == 0) & (tags["open_complaints"] == 0)
    return list(asked.index[asked & willing & calm])


def ask(customer: str, **more: Any) -> DecideRequest:
    return DecideRequest(customer_id=customer, decision_point="daily_batch", **more)


def contacts(records: Records) -> int:
    with records.reading() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM contacts").scalar() or 0)


def test_a_contact_is_reserved_and_written_down_and_can_be_made_again(
    lake: Lake, records: Records, decider: Decider
) -> None:
    customers = renewing(lake)
    answers = [decider.decide(ask(one, alternatives=5), NOON) for one in customers[:40]]
    acted = [answer for answer in answers if answer.action]
    assert acted
    assert contacts(records) == len(acted)
    for answer in answers:
        with records.reading() as connection:
            row = find_decision(connection, answer.decision_id)
        assert row["touchpoint"] == (answer.action.touchpoint if answer.action else None)
        assert row["document"]["answer"] == answer.model_dump(mode="json")
        again = replay(lake, records, answer.decision_id)
        assert (again.same, again.changed) == (True, [])
    # A last bit is that of another processor; anything more no longer gives the same answer.
    (decision_id, told) = acted[0].decision_id, acted[0].predictions["renewal"]
    assert told
    for factor, same in ((1 + 1e-15, True), (1 + 1e-9, False)):
        with records.writing() as connection:
            altered = dict(find_decision(connection, decision_id)["document"])
            altered["facts"]["told"]["renewal"] = told * factor
            connection.exec_driver_sql(
                "UPDATE decisions SET packed = ?, frame_id = NULL WHERE decision_id = ?",
                (zlib.compress(json.dumps(altered).encode()), decision_id),
            )
        again = replay(lake, records, decision_id)
        assert again.same == same
        assert any(one.startswith("renewal predicts ") for one in again.changed) != same


def test_a_decision_reads_the_records_once(lake: Lake, decider: Decider) -> None:
    """One statement reads contacts, refusals and consents, one the arm of a campaign; one more
    writes a contact."""
    statements: list[str] = []

    def note(*given: Any) -> None:
        statements.append(given[2].split()[0])

    first, *customers = renewing(lake)[:40]
    decider.decide(ask(first), NOON)  # reads the prices of capacity, for five minutes
    event.listen(Engine, "before_cursor_execute", note)
    try:
        answers = []
        for customer in customers:
            statements.clear()
            answers.append(decider.decide(ask(customer), NOON))
            written = ["INSERT", "INSERT"] if answers[-1].action else ["INSERT"]
            assert statements == ["BEGIN", "SELECT", "SELECT", *written]
        statements.clear()
        decider.decide(ask(first, client_key="request-1"), NOON)
        assert statements == ["BEGIN", "SELECT", "SELECT", "SELECT", "INSERT"]
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert any(answer.action for answer in answers)


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_many_at_once_give_a_customer_one_contact(
    lake: Lake, database: str, request: pytest.FixtureRequest
) -> None:
    """Two services that share the records are asked by eight callers each."""
    if database == "postgres":
        address = request.getfixturevalue("postgres")
        lake = Lake(Settings(home=lake.home, database=address))
    services = [Records(lake.settings), Records(lake.settings)]
    services[0].migrate()
    deciders = [Decider(PredictionService(lake), records, Renewals(lake)) for records in services]
    customer = next(one for one in renewing(lake) if deciders[0].decide(ask(one), NOON).action)
    begin, later = threading.Barrier(16), NOON + timedelta(days=1)

    def decide(number: int) -> DecideResponse:
        begin.wait()
        return deciders[number % 2].decide(ask(customer), later, seconds=60)

    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(decide, range(16)))
    for records in services:
        records.close()
    assert sum(answer.action is not None for answer in answers) == 1


def test_one_marketing_contact_a_day_and_the_second_request_is_silence(
    lake: Lake, records: Records, decider: Decider
) -> None:
    customer = next(
        one for one in renewing(lake) if decider.decide(ask(one), NOON).action is not None
    )
    second = decider.decide(ask(customer, alternatives=2), NOON + timedelta(minutes=1))
    assert second.action is None
    assert {gate.name for one in second.alternatives for gate in one.gates if not gate.passed} >= {
        "marketing_day"
    }


def test_sent_again_with_its_key_a_request_gets_the_same_decision(
    lake: Lake, records: Records, decider: Decider
) -> None:
    customer = renewing(lake)[0]
    request = ask(customer, client_key="request-1")
    first = decider.decide(request, NOON)
    before = contacts(records)
    assert decider.decide(request, NOON + timedelta(hours=1)) == first
    assert contacts(records) == before
    with pytest.raises(ClientKeyConflictError):
        decider.decide(ask(customer, client_key="request-1", alternatives=3), NOON)


def test_a_withdrawn_consent_holds_from_the_next_decision_on(
    lake: Lake, records: Records, decider: Decider
) -> None:
    customer = renewing(lake)[1]
    with records.writing() as connection:
        write_consent(connection, ConsentChange(customer, "marketing", False, NOON), NOON)
    answer = decider.decide(ask(customer, alternatives=2), NOON + timedelta(seconds=1))
    assert answer.action is None
    assert {one.gates[0].name for one in answer.alternatives} == {"consent"}


def test_who_refuses_profiling_is_treated_as_the_average_and_told_so(
    lake: Lake, records: Records, decider: Decider
) -> None:
    found = []
    for customer in renewing(lake)[2:5]:
        with records.writing() as connection:
            write_consent(connection, ConsentChange(customer, "profiling", False, NOON), NOON)
        # A clock that was a minute ahead as it was recorded delays no withdrawal.
        answer = decider.decide(ask(customer), NOON - timedelta(minutes=1))
        assert not answer.profile_used
        found.append(answer.predictions["renewal"])
    assert len(set(found)) == 1


def test_at_night_a_text_message_is_planned_for_the_morning(lake: Lake, decider: Decider) -> None:
    night = datetime(2026, 7, 1, 14, tzinfo=UTC)  # 22:00 in Shanghai
    answers = (
        decider.decide(ask(one, context=DecideContext(channel="sms")), night)
        for one in renewing(lake)
    )
    answer = next(one for one in answers if one.action)
    assert answer.action
    assert answer.action.planned_at == datetime(2026, 7, 2, 1, tzinfo=UTC)


def test_a_customer_of_another_branch_is_an_unknown_one(lake: Lake, decider: Decider) -> None:
    customer = renewing(lake)[0]
    with pytest.raises(UnknownCustomerError) as hidden:
        decider.decide(ask(customer), NOON, branches={"nowhere"})
    with pytest.raises(UnknownCustomerError) as unknown:
        decider.decide(ask("C99999999"), NOON, branches={"nowhere"})
    assert str(hidden.value).replace(customer, "C99999999") == str(unknown.value)


def test_without_the_online_store_the_snapshot_answers_and_says_so(
    lake: Lake, records: Records
) -> None:
    customers = renewing(lake)[:10]
    whole = Decider(PredictionService(lake), records, Renewals(lake))
    before = {one: whole.gatherer.read_customer(ask(one), NOON) for one in customers}
    with sqlite3.connect(lake.home / "feast" / "online.db") as connection:
        tables = [
            name
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            if name.startswith("guanjia_")
        ]
        for table in tables:
            connection.execute(f'DROP TABLE "{table}"')
    connection.close()
    for one in customers:
        known = whole.gatherer.read_customer(ask(one), NOON)
        assert known.degraded
        assert known.predictions == before[one].predictions
        assert known.effects == before[one].effects
        answer = whole.decide(ask(one), NOON)
        assert answer.degraded


def test_without_the_records_nothing_is_decided(
    lake: Lake, decider: Decider, records: Records
) -> None:
    records.close()
    Path(lake.home / "records.db").unlink()
    (lake.home / "records.db").mkdir()
    with pytest.raises(RecordsAwayError):
        decider.decide(ask(renewing(lake)[0]), NOON)


class Promising(Renewals):
    """The text message says what may not be said; WeCom does not."""

    fault = ContactText(SAID, "Hello", "续保", "renewal", "system")

    def text(
        self,
        candidate: Candidate,
        tags: Mapping[str, Any],
        speech: Speech,
    ) -> ContactText:
        if candidate.channel == "sms":
            return self.fault
        return super().text(candidate, tags, speech)


FAULTS = {
    "油卡": {"chinese": SAID.replace("您好", "续保即送油卡")},
    "1390001": {"english": "Call 139 0001 2233"},
    "carking01": {"values": ("微信号carking01",)},
}


def test_what_may_not_be_said_is_passed_over_with_the_reason(lake: Lake, records: Records) -> None:
    source = Promising(lake)
    decider = Decider(PredictionService(lake), records, source)
    customers = iter(renewing(lake))
    for word, said in FAULTS.items():
        source.fault = replace(Promising.fault, **said)
        answers = [decider.decide(ask(one, alternatives=2), NOON) for one in islice(customers, 15)]
        stopped = {
            one.channel: gate.chinese.replace(" ", "")
            for answer in answers
            for one in answer.alternatives
            for gate in one.gates
            if gate.name == "content" and not gate.passed
        }
        assert word in stopped["sms"]
        assert {answer.action.channel for answer in answers if answer.action} == {"wecom"}
        for answer in answers:
            assert replay(lake, records, answer.decision_id).same
