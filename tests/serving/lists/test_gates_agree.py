"""A list and `/decide` ask the same gates: of random customers both say the same."""

import random
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from features.contracts.vocabulary import CONTACT_CHANNELS
from features.erased import erasure_key, pseudonym
from features.lake import Lake
from serving.decision.core import Facts, settle
from serving.decision.gates import all_passed
from serving.decision.inputs import base_of, gate_of, permission_of
from serving.decision.lots import in_holdout
from serving.lists.contact import contact_of
from serving.lists.definitions.definition import ListDefinition
from serving.lists.gatekeeper import Checked, Gatekeeper
from serving.records.contacts.cap_rules import plan
from serving.records.contacts.caps import Caps, ContactRefusedError, ContactRequest, Reservation
from serving.records.contacts.contact_caps import load_contact_caps
from serving.records.contacts.outcomes import Outcome, note_outcome
from serving.records.database import Records
from serving.records.people.consents import ConsentChange, resolve_consents, write_consent

DAY = date(2026, 6, 30)
CLOSES = datetime(2026, 6, 30, 16, tzinfo=UTC)
NOW = datetime(2026, 7, 1, 2, tzinfo=UTC)
MANY = 120
DAY_SECONDS = 86_400
Reserve = Callable[..., Reservation]


def definition(channel: str = "phone") -> ListDefinition:
    return ListDefinition(name="a_list", label="名单", model="renewal", channel=channel)


def tags_of(draw: random.Random) -> dict[str, Any]:
    return {
        "branch": draw.choice(["B1", None]),
        "open_claims": draw.choice([0, 0, 0, 1, None]),
        "open_complaints": draw.choice([0, 0, 0, 1, None]),
        "wecom_added": draw.choice([True, False, None]),
        "mini_program_bound": draw.choice([True, False, None]),
        "marketing_consent": draw.choice([True, True, True, False, None]),
        "profiling_consent": draw.choice([True, True, False, None]),
        "location_consent": None,
        "latest_consents": None,
        "contact_count_30d": 0,
        "contacts_since_last_response": 0,
        "renewal_quote_premium": None,
        "commercial_premium_current": 3000.0,
        "compulsory_premium_current": None,
        **{f"{channel}_opted_out": draw.random() < 0.1 for channel in CONTACT_CHANNELS},
        "freshness": CLOSES,
    }


def with_words(tags: dict[str, Any], draw: random.Random) -> dict[str, Any]:
    """The tags with what the core system knows besides: when, and of single channels."""
    words = []
    for purpose in ("marketing", "profiling"):
        granted = tags[f"{purpose}_consent"]
        if granted is not None:
            words.append((purpose, granted))
    for channel in ("phone", "wecom"):
        if draw.random() < 0.4:
            words.append((f"marketing.{channel}", draw.random() < 0.5))
    ends = int(CLOSES.timestamp())
    told = [
        f"{subject}:{'yes' if granted else 'no'}:{ends - draw.randint(0, 40) * DAY_SECONDS}"
        for subject, granted in words
    ]
    return tags | {"latest_consents": ";".join(told) or None}


def as_row(customer: str, tags: dict[str, Any]) -> dict[str, Any]:
    """The tags as a list reads them: what the core system knows of consents is beside them."""
    out = [channel for channel in CONTACT_CHANNELS if tags[f"{channel}_opted_out"]]
    words = (tags["latest_consents"] or "").split(";")
    said = {
        word.partition(":")[0]: datetime.fromtimestamp(int(word.rpartition(":")[2]), UTC)
        for word in words
        if word
    }
    return {
        **tags,
        "customer_id": customer,
        "core_marketing": tags["marketing_consent"],
        "core_marketing_at": said.get("marketing"),
        "core_profiling": tags["profiling_consent"],
        "core_profiling_at": said.get("profiling"),
        "core_channels": ";".join(word for word in words if "." in word) or None,
        "core_opted_out": out or None,
        "renewal": 0.6,
        "expected_margin": 100.0,
    }


def live(
    customer: str, draw: random.Random, records: Records, caps: Caps, reserve: Reserve
) -> None:
    """Let a customer be contacted, consent and refuse at random."""
    for _ in range(draw.choice([0, 0, 1, 2])):
        at = NOW - timedelta(days=draw.randint(0, 40), minutes=draw.randint(1, 600))
        change = ConsentChange(
            customer,
            draw.choice(["marketing", "marketing", "profiling"]),
            draw.random() < 0.5,
            at,
        )
        if change.purpose == "marketing" and draw.random() < 0.5:
            change = ConsentChange(customer, "marketing", change.granted, at, "phone")
        with records.writing() as connection:
            write_consent(connection, change, at)
    for _ in range(draw.choice([0, 0, 1, 3])):
        at = NOW - timedelta(days=draw.randint(0, 20), minutes=draw.randint(1, 300))
        contact = ContactRequest(
            customer, "renewal_30d", "renewal", "marketing", draw.choice(["phone", "sms"]), at, "B1"
        )
        with records.writing() as connection, suppress(ContactRefusedError):
            reserve(caps, connection, contact, at)
    if draw.random() < 0.2:
        at = NOW - timedelta(days=draw.randint(0, 60))
        with records.writing() as connection:
            note_outcome(connection, Outcome("refused", at, customer_id=customer), at)


def decided(
    lake: Lake, records: Records, caps: Caps, customer: str, row: dict[str, Any], channel: str
) -> tuple[bool, set[str]]:
    """Whether `/decide` may make the contact of the list, and the gates that hold it back."""
    keeper = Gatekeeper(lake, definition(channel), DAY, NOW)
    candidate, policy = contact_of(lake, definition(channel)), keeper.policy
    mark = pseudonym(erasure_key(lake.settings), customer)
    with records.reading() as connection:
        history = caps.history(connection, customer, NOW, row["branch"], mark)
    core = base_of(row)
    consents = resolve_consents(history.consent_records, NOW, core)
    history = history.with_later(core)
    traits = caps.traits(candidate.family, "marketing", channel, None, row["branch"])
    facts = Facts(
        customer_id=customer,
        decision_point="app_open",
        day=date(2026, 7, 1),
        tags=row,
        predictions={"renewal": 0.6},
        effects={},
        margin=100.0,
        permission=permission_of(consents),
        candidates=[candidate],
        blocks=[gate_of(plan(caps.rules, history, traits, NOW))],
        recent_contacts=0,
        capacity_prices={},
        policy=policy,
    )
    (scored,) = settle(facts).candidates
    return all_passed(scored.gates), {gate.name for gate in scored.gates if not gate.passed}


def held_back(checked: Checked) -> set[str]:
    """The gates of a list that hold a customer back, and that `/decide` has too."""
    names = {gate.name for gate in checked.gates if not gate.passed}
    return names - {"profiling"}  # `/decide` goes on without predictions


@pytest.mark.parametrize("channel", ["phone", "wecom"])
@pytest.mark.parametrize("dated", [True, False])
def test_of_random_customers_both_say_the_same(
    channel: str, dated: bool, lake: Lake, reserve_contact: Reserve
) -> None:
    """Whether or not the core system says when, as it does since tags have `latest_consents`."""
    lake.home.mkdir(parents=True)
    draw = random.Random(16)
    records = Records(lake.settings)
    records.migrate()
    caps = Caps(load_contact_caps(lake.home), lake.settings.timezone)
    rows = {f"C{number:03}": tags_of(draw) for number in range(MANY)}
    if dated:
        rows = {customer: with_words(tags, draw) for customer, tags in rows.items()}
    # The tags know consents here, as the checked table of consents would.
    lake.checked("consents").parent.mkdir(parents=True)
    lake.checked("consents").touch()
    for customer in rows:
        live(customer, draw, records, caps, reserve_contact)
    asked = [as_row(customer, tags) for customer, tags in rows.items()]
    with records.reading() as connection:
        listed = Gatekeeper(lake, definition(channel), DAY, NOW, connection).check(asked)
    seen: set[str] = set()
    eligible = 0
    for row, checked in zip(asked, listed, strict=True):
        may, gates = decided(lake, records, caps, row["customer_id"], row, channel)
        assert held_back(checked) == gates, row["customer_id"]
        refused = checked.consents.profiling is False
        assert (checked.rule is None) == (may and not refused)
        seen |= gates
        eligible += may
    # The customers are such that every kind of gate was met.
    assert {"consent", "open_claim", "open_complaint", "cooling_off"} <= seen
    assert 5 < eligible < MANY
    records.close()


def test_the_holdout_is_that_of_decide(lake: Lake) -> None:
    lake.home.mkdir(parents=True)
    (lake.home / "policy.toml").write_text("holdout_share = 0.5\n", encoding="utf-8")
    keeper = Gatekeeper(lake, definition(), DAY, NOW)
    draw = random.Random(1)
    rows = [as_row(f"C{number}", tags_of(draw) | CLEAN) for number in range(40)]
    policy = keeper.policy
    for row, checked in zip(rows, keeper.check(rows), strict=True):
        drawn = in_holdout(policy.salt, row["customer_id"], policy.cycle(DAY), 0.5)
        assert (checked.rule == "holdout") == drawn == checked.holdout


CLEAN: dict[str, Any] = {
    "open_claims": 0,
    "open_complaints": 0,
    "marketing_consent": True,
    "profiling_consent": True,
    **{f"{channel}_opted_out": False for channel in CONTACT_CHANNELS},
}


def test_who_is_in_a_campaign_of_higher_priority_is_taken_by_it(lake: Lake) -> None:
    lake.home.mkdir(parents=True)
    (lake.home / "policy.toml").write_text("holdout_share = 0.0\n", encoding="utf-8")
    draw = random.Random(2)
    rows = [as_row(name, tags_of(draw) | CLEAN) for name in ("C1", "C2")]
    keeper = Gatekeeper(lake, definition(), DAY, NOW, campaign_of=lambda _: {"C2": "autumn"})
    first, second = keeper.check(rows)
    assert (first.rule, second.rule) == (None, "campaign")
    assert "autumn" in next(gate.english for gate in second.gates if gate.name == "campaign")
