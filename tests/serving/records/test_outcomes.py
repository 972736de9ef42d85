"""What became of contacts: in any order, late, and what follows from it."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.errors import GuanjiaError
from features.settings import Settings
from serving.records.contacts.caps import Caps, ContactRequest, UnknownContactError
from serving.records.contacts.contact_caps import load_contact_caps
from serving.records.contacts.decisions import Decision, UnknownDecisionError, write_decision
from serving.records.contacts.outcomes import KINDS, Outcome, note_outcome
from serving.records.database import Records
from serving.records.people.consents import consents_as_of
from serving.records.tables import consent_changes, contacts, outcomes

NOW = datetime(2026, 6, 1, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
WANTED = ContactRequest("C1", "renewal_30d", "renewal", "service", "sms", NOW)


def reserved(records: Records, caps: Caps, wanted: ContactRequest = WANTED) -> tuple[str, str]:
    """A decision with a contact: their numbers."""
    with records.writing() as connection:
        decision = Decision(wanted.customer_id, "app_open", NOW, {}, channel=wanted.channel)
        number = write_decision(connection, decision).decision_id
        history = caps.history(connection, wanted.customer_id, NOW)
        found = caps.reserve(connection, wanted, NOW, history, decision_id=number)
    return number, found.contact_id


def tell(records: Records, kind: str, at: datetime = NOW, **more: Any) -> Any:
    with records.writing() as connection:
        return note_outcome(connection, Outcome(kind, at, **more), max(at, NOW) + HOUR)


def test_every_kind_has_a_label() -> None:
    assert set(KINDS) == {
        "sent", "delivered", "read", "clicked", "replied", "refused", "opted_out", "no_answer",
        "connected", "renewed", "bought", "not_sent",
    }  # fmt: skip
    assert all("一" <= label[0] <= "鿿" for label in KINDS.values())


def test_an_outcome_is_told_by_contact_decision_or_customer(
    records: Records, caps: Caps, rows: Any
) -> None:
    decision, contact = reserved(records, caps)
    tell(records, "delivered", contact_id=contact)
    tell(records, "read", decision_id=decision)
    tell(records, "clicked", decision_id=decision, contact_id=contact, customer_id="C1")
    tell(records, "renewed", customer_id="C1", detail={"premium": 2779})
    found = rows(outcomes)
    named = [(row["decision_id"], row["contact_id"], row["channel"]) for row in found]
    assert named == [(decision, contact, "sms")] * 3 + [(None, None, None)]
    assert {row["customer_id"] for row in found} == {"C1"}
    assert found[3]["detail"] == {"premium": 2779}


def test_an_outcome_of_silence_is_one_too(records: Records, rows: Any) -> None:
    with records.writing() as connection:
        number = write_decision(connection, Decision("C1", "app_open", NOW, {})).decision_id
    tell(records, "renewed", decision_id=number)
    assert (rows(outcomes)[0]["contact_id"], rows(outcomes)[0]["customer_id"]) == (None, "C1")


def test_sent_keeps_the_place_and_not_sent_gives_it_back(
    records: Records, caps: Caps, rows: Any
) -> None:
    sent, dropped = (reserved(records, caps)[1] for _ in range(2))
    tell(records, "sent", contact_id=sent)
    tell(records, "not_sent", contact_id=dropped)
    states = {row["contact_id"]: (row["state"], row["sent_at"]) for row in rows(contacts)}
    assert states == {sent: ("sent", NOW), dropped: ("released", None)}


def test_a_gateway_that_takes_it_back_releases_it(records: Records, caps: Caps, rows: Any) -> None:
    _, contact = reserved(records, caps)
    tell(records, "sent", NOW, contact_id=contact)
    tell(records, "not_sent", NOW + HOUR, contact_id=contact)
    assert [(row["state"], row["sent_at"]) for row in rows(contacts)] == [("released", None)]
    tell(records, "delivered", NOW + 2 * HOUR, contact_id=contact)
    assert [(row["state"], row["sent_at"]) for row in rows(contacts)] == [("sent", NOW + 2 * HOUR)]


def test_an_opt_out_withdraws_the_consent_by_the_channel(
    records: Records, caps: Caps, rows: Any
) -> None:
    _, contact = reserved(records, caps)
    told = tell(records, "opted_out", contact_id=contact)
    (row,) = rows(consent_changes)
    assert (row["customer_id"], row["purpose"], row["channel"], row["granted"]) == (
        "C1", "marketing", "sms", False,
    )  # fmt: skip
    assert (row["changed_at"], row["outcome_id"]) == (NOW, told.outcome_id)
    with records.reading() as connection:
        consents = consents_as_of(connection, "C1", NOW + HOUR)
    assert consents.marketing_by("sms") is False
    assert consents.marketing_by("app") is None


@pytest.mark.parametrize("more", [{"all_channels": True, "channel": "sms"}, {}])
def test_an_opt_out_from_all_withdraws_all(records: Records, more: dict[str, Any]) -> None:
    tell(records, "opted_out", customer_id="C1", **more)
    with records.reading() as connection:
        assert consents_as_of(connection, "C1", NOW + HOUR).marketing is False


def test_an_opt_out_sent_twice_is_one(records: Records, rows: Any) -> None:
    told = Outcome("opted_out", NOW, customer_id="C1", channel="sms")
    for _ in range(2):
        with records.writing() as connection:
            note_outcome(connection, told, NOW, client_key="k")
    assert (len(rows(outcomes)), len(rows(consent_changes))) == (1, 1)


def test_what_lies_ahead_happened_now(records: Records, rows: Any) -> None:
    with records.writing() as connection:
        told = Outcome("opted_out", NOW + 24 * HOUR, customer_id="C1")
        note_outcome(connection, told, NOW)
    assert rows(outcomes)[0]["occurred_at"] == NOW
    with records.reading() as connection:
        assert consents_as_of(connection, "C1", NOW).marketing is False


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"kind": "lost"}, "outcome lost: is not known"),
        ({"customer_id": None}, "outcome read: names no contact, decision or customer"),
        ({"channel": "fax"}, "channel fax: is not known"),
        ({"contact_id": "none"}, "contact none: is not known"),
        ({"decision_id": "none"}, "decision none: is not known"),
    ],
)
def test_a_fault_is_named(records: Records, rows: Any, changes: dict[str, Any], fault: str) -> None:
    told = replace(Outcome("read", NOW, customer_id="C1"), **changes)
    with records.writing() as connection, pytest.raises(GuanjiaError, match=fault):
        note_outcome(connection, told, NOW)
    assert rows(outcomes) == []
    assert issubclass(UnknownContactError, GuanjiaError)
    assert issubclass(UnknownDecisionError, GuanjiaError)


def test_one_customers_contact_is_not_anothers(records: Records, caps: Caps) -> None:
    decision, contact = reserved(records, caps)
    other, others = reserved(records, caps, replace(WANTED, customer_id="C2"))
    for named in (
        {"contact_id": contact, "customer_id": "C2"},
        {"contact_id": contact, "decision_id": other},
        {"decision_id": decision, "customer_id": "C2"},
        {"decision_id": decision, "contact_id": others},
    ):
        with pytest.raises(GuanjiaError, match="belong to different"):
            tell(records, "read", **named)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Records, Caps]]:
    """Records of the whole module, for many examples."""
    home = tmp_path_factory.mktemp("outcomes")
    found = Records(Settings(home=home, database=None))
    found.migrate()
    yield found, Caps(load_contact_caps(home), "Asia/Shanghai")
    found.close()


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["sent", "not_sent", "no_answer", "clicked", "renewed"]),
            st.sampled_from([0, 1, 30]),  # 30 hours later is another day
        ),
        min_size=1,
        max_size=4,
    )
)
def test_the_order_of_arrival_does_not_matter(
    kept: tuple[Records, Caps], told: list[tuple[str, int]]
) -> None:
    records, caps = kept
    found = set()
    for order in itertools.permutations(told):
        _, contact = reserved(records, caps)
        for kind, hours in order:
            tell(records, kind, NOW + hours * HOUR, contact_id=contact)
        with records.reading() as connection:
            query = contacts.select().where(contacts.c.contact_id == contact)
            row = connection.execute(query).one()
        found.add((row.state, row.sent_at, row.local_day))
    assert len(found) == 1, found
