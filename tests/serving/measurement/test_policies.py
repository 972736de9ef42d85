"""A month decided again under other rules, and another policy by what was observed."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from known_terms import both_terms, write_terms
from pydantic_core import to_json

from features.errors import GuanjiaError
from features.lake import Lake
from features.settings import Settings
from serving.decision.candidates import Candidate
from serving.decision.core import Facts, settle
from serving.decision.gates import Gate, Permission
from serving.decision.lots import in_holdout
from serving.decision.record import STORED
from serving.decision.worth.policy import Policy, load_policy
from serving.measurement.edited_rules import EditedRules, read_edited
from serving.measurement.lifted_gates import lift_gate
from serving.measurement.off_policy import value_policy
from serving.measurement.policy_simulation import simulate_policy
from serving.measurement.simulated_world import PolicySimulation
from serving.measurement.standing import measure_standing
from serving.records.contacts.decisions import Decision, write_decision
from serving.records.database import Records
from serving.records.people.consents import ConsentChange, write_consent

NOON = datetime(2026, 7, 6, 4, tzinfo=UTC)
BEGIN, END = datetime(2026, 6, 30, 16, tzinfo=UTC), datetime(2026, 7, 31, 16, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Shanghai")
SHIPPED = load_policy(Path("a home without a policy of its own"))
POLICY = SHIPPED.model_copy(update={"exploration_share": 0.0, "holdout_share": 0.0})
CALL = Candidate("renewal_30d", "到期前30天", "renewal", "marketing", "phone", 1.0, "renewal")
CARE = Candidate("accident_care", "出险关怀", "claims", "service", "phone", 1.0)
CAPS = """
[rules.a_week]
label = "每周"
purpose = "marketing"
most = {most}
per = "week"
"""


@pytest.fixture
def lake(tmp_path: Path, database: str | None) -> Lake:
    (tmp_path / "home").mkdir()
    off = "".join(
        f"{name} = false\n"
        for name in ("marketing_day", "marketing_week", "marketing_month", "marketing_sms_month",
                     "marketing_phone_week", "wecom_day", "wecom_month", "campaign_week")
    )  # fmt: skip
    text = f"[rules]\n{off}{CAPS.format(most=2)}"
    (tmp_path / "home" / "contact_caps.toml").write_text(text, encoding="utf-8")
    return Lake(Settings(home=tmp_path / "home", database=database))


@pytest.fixture
def records(lake: Lake) -> Iterator[Records]:
    found = Records(lake.settings)
    found.migrate()
    yield found
    found.close()


def facts_of(customer: str, margin: float, *candidates: Candidate, **more: Any) -> Facts:
    """Facts of a decision whose contact turns 10% of renewals, worth `margin`."""
    plain: dict[str, Any] = {
        "customer_id": customer,
        "decision_point": "tests",
        "day": NOON.astimezone(ZONE).date(),
        "tags": {
            "renewal_quote_premium": 0.0,
            "commercial_premium_current": 0.0,
            "open_claims": 0,
            "open_complaints": 0,
        },
        "predictions": {"renewal": 0.5},
        "effects": {"contact": 0.1},
        "margin": margin,
        "permission": Permission({"phone": True}, True),
        "candidates": list(candidates),
        "blocks": [None] * len(candidates),
        "recent_contacts": 0,
        "capacity_prices": {},
        "policy": POLICY,
        "lot": customer,
    }
    return Facts(**{**plain, **more})


def decide(records: Records, facts: Facts, at: datetime = NOON) -> tuple[str, str, str] | None:
    """Put a decision on the record, and return what it chose."""
    result = settle(facts)
    chosen = result.chosen.candidate if result.chosen else None
    action = None if chosen is None else {"touchpoint": chosen.touchpoint,
                                          "channel": chosen.channel, "offer": None}  # fmt: skip
    stored = {STORED.get(name, name): value for name, value in vars(facts).items()}
    document = {
        "facts": json.loads(to_json(stored)),
        "answer": {"action": action},
        "request": {"context": {"campaign": None, "stage": None}},
    }
    decision = Decision(
        facts.customer_id, "tests", at, document, "B1",
        touchpoint=chosen.touchpoint if chosen else None,
        channel=chosen.channel if chosen else None,
        mandatory=result.mandatory, randomised=result.drawn, probability=result.probability,
    )  # fmt: skip
    with records.writing() as connection:
        write_decision(connection, decision)
    return chosen.key if chosen else None


def simulate(lake: Lake, records: Records, folder: Path | None = None) -> PolicySimulation:
    edited = EditedRules() if folder is None else read_edited(folder, lake.settings.timezone)
    return simulate_policy(lake, records, edited, BEGIN, END)


@pytest.fixture
def month(records: Records) -> Records:
    """C1 is called twice for 10 yuan, C2 once; C3 refuses, C4 is not worth it, C5 is served."""
    day = timedelta(days=1)
    decide(records, facts_of("C1", 110.0, CALL))
    decide(records, facts_of("C1", 110.0, CALL), NOON + 2 * day)
    decide(records, facts_of("C2", 60.0, CALL))
    decide(records, facts_of("C3", 110.0, CALL, permission=Permission({"phone": False}, True)))
    decide(records, facts_of("C4", 5.0, CALL))
    decide(records, facts_of("C5", 110.0, CARE))
    return records


def edit(tmp_path: Path, **files: str) -> Path:
    folder = tmp_path / "edited"
    folder.mkdir()
    for name, text in files.items():
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    return folder


def test_the_rules_of_now_decide_as_recorded(lake: Lake, month: Records) -> None:
    found = simulate(lake, month).document()
    assert found["before"] == {
        "decisions": 6, "marketing": 3, "service": 1, "expected_yuan": 25.0,
        "silent_customers": 3, "as_recorded": 1.0,
    }  # fmt: skip
    assert found["after"] == found["before"]
    assert {row["gate"]: row["before"] for row in found["silence"]} == {
        "consent": 1,
        "not_worth_it": 1,
    }


def test_a_tighter_cap_silences_the_second_call(lake: Lake, month: Records, tmp_path: Path) -> None:
    text = (lake.home / "contact_caps.toml").read_text("utf-8").replace("most = 2", "most = 1")
    found = simulate(lake, month, edit(tmp_path, contact_caps=text)).document()
    assert found["edited"] == ["contact_caps.toml"]
    assert found["difference"] == {
        "decisions": 0, "marketing": -1, "service": 0, "expected_yuan": -10.0,
        "silent_customers": 0,
    }  # fmt: skip
    assert next(row for row in found["silence"] if row["gate"] == "a_week")["after"] == 1


def test_an_edited_policy_and_capacity_move_yuan_and_silence(
    lake: Lake, month: Records, tmp_path: Path
) -> None:
    # A weight of 2 on the touchpoint: 2 * 11 - 1 = 21 twice, 2 * 6 - 1 = 11, 2 * 0.5 - 1 = 0.
    policy = "exploration_share = 0.0\nholdout_share = 0.0\n[weights]\nrenewal_30d = 2.0\n"
    found = simulate(lake, month, edit(tmp_path, policy=policy))
    assert found.after.expected_yuan == pytest.approx(53.0)
    assert found.after.silent_customers == {"C3", "C4", "C5"}
    (tmp_path / "edited" / "policy.toml").unlink()
    # A single place in two days of decisions goes to the best: it costs the others' worth.
    (tmp_path / "edited" / "capacity.toml").write_text("[every_branch]\nphone = 1\n", "utf-8")
    scarce = simulate(lake, month, tmp_path / "edited")
    assert scarce.after.marketing < scarce.before.marketing
    assert scarce.after.silence["not_worth_it"] > scarce.before.silence["not_worth_it"]


def test_a_consent_of_the_core_system_that_is_later_opens_again(
    lake: Lake, records: Records
) -> None:
    """The decision saw the tag; the records alone would keep the channel closed."""
    told = NOON - timedelta(days=3)
    with records.writing() as connection:
        write_consent(connection, ConsentChange("C1", "marketing", False, told), told)
    facts = facts_of("C1", 110.0, CALL)
    later = {
        "marketing_consent": True,
        "profiling_consent": None,
        "location_consent": None,
        "latest_consents": f"marketing:yes:{int((NOON - timedelta(days=1)).timestamp())}",
        **{f"{channel}_opted_out": False for channel in ("sms", "wechat", "wecom", "phone")},
    }
    assert decide(records, replace(facts, tags={**facts.tags, **later}))
    assert simulate(lake, records).before.as_recorded == 1
    decide(records, facts)
    again = simulate(lake, records).before
    assert (again.as_recorded, again.silence) == (1, {"opted_out": 1})


DEARER = """
[renewal_30d]
offers = []
channels = ["phone"]
stars = []
costs = { phone = 3.0 }
"""


def test_an_edited_touchpoint_costs_what_it_costs_now(
    lake: Lake, records: Records, tmp_path: Path
) -> None:
    """Calls of 1 yuan become calls of 3 yuan: C1 is worth 11 - 3, C2 is worth 2 - 3."""
    desk: dict[str, Any] = {"decision_point": "daily_batch"}
    decide(records, facts_of("C1", 110.0, CALL, **desk))
    decide(records, facts_of("C2", 20.0, CALL, **desk))
    decide(records, facts_of("C5", 110.0, CARE, **desk))
    found = simulate(lake, records, edit(tmp_path, touchpoints=DEARER))
    assert (found.before.marketing, found.before.expected_yuan) == (2, pytest.approx(11.0))
    assert (found.after.marketing, found.after.expected_yuan) == (1, pytest.approx(8.0))
    assert found.after.silence == {"not_worth_it": 1}
    assert found.after.service == 1
    assert found.document()["timed_as_recorded"] == []


def test_an_edited_touchpoint_moves_to_another_channel(
    lake: Lake, records: Records, tmp_path: Path
) -> None:
    """Of phone and text message the customer refuses the first, and the second costs 0.05."""
    refusal = Permission({"phone": False, "sms": True}, True)
    decide(records, facts_of("C1", 110.0, CALL, decision_point="daily_batch", permission=refusal))
    text = DEARER.replace('["phone"]', '["phone", "sms"]')
    found = simulate(lake, records, edit(tmp_path, touchpoints=text))
    assert (found.before.marketing, found.after.channels) == (0, {"sms": 1})
    assert found.after.expected_yuan == pytest.approx(10.95)


def test_a_touchpoint_that_is_turned_off_leaves_silence(
    lake: Lake, records: Records, tmp_path: Path
) -> None:
    decide(records, facts_of("C1", 110.0, CALL, decision_point="daily_batch"))
    found = simulate(lake, records, edit(tmp_path, touchpoints="renewal_30d = false\n"))
    assert (found.before.marketing, found.after.marketing) == (1, 0)
    assert found.after.silent_customers == {"C1"}


EARLIER = DEARER + "trigger = { window = { first = 40 } }\n"


def due_in(
    days: int, customer: str, *candidates: Candidate, day: date = date(2026, 7, 6), **tags: Any
) -> Facts:
    """Facts of a decision whose tags, of the day before, count the days to the end of cover."""
    facts = facts_of(customer, 110.0, *candidates, decision_point="daily_batch", day=day)
    known = {"branch": "B1", "star_level": 3, "days_to_unrenewed_expiry": days + 1}
    known |= {"as_of": day - timedelta(days=1), "newer": {}, "touchpoints_contacted": None}
    return replace(facts, tags={**facts.tags, **known, **tags})


def test_an_edited_day_is_simulated_where_the_record_has_its_tag(
    lake: Lake, records: Records, tmp_path: Path
) -> None:
    """Due from 40 to 16 days before the end, and not from 30: C1 and C2 are called earlier, C3 is
    still too early, C4 is called as before."""
    decide(records, due_in(40, "C1"))
    decide(records, due_in(31, "C2"))
    decide(records, due_in(41, "C3"))
    decide(records, due_in(30, "C4", CALL))
    decide(records, due_in(15, "C5"))
    found = simulate(lake, records, edit(tmp_path, touchpoints=EARLIER))
    assert found.before.reached == {"C4"}
    assert found.after.reached == {"C1", "C2", "C4"}
    document = found.document()
    assert document["timed_as_edited"] == ["renewal_30d"]
    assert document["timed_as_recorded"] == []


def test_a_narrower_window_leaves_out_whom_the_record_reached(
    lake: Lake, records: Records, tmp_path: Path
) -> None:
    decide(records, due_in(20, "C1", CALL))
    decide(records, due_in(21, "C2", CALL))
    text = DEARER + "trigger = { window = { first = 20 } }\n"
    found = simulate(lake, records, edit(tmp_path, touchpoints=text))
    assert (found.before.reached, found.after.reached) == ({"C1", "C2"}, {"C1"})


def test_a_contact_of_the_edited_world_is_made_once(
    lake: Lake, records: Records, tmp_path: Path
) -> None:
    """Once a term: the record called C1 with 30 days to go, the edited world did with 33, and calls
    C2, of whom the core system knows such a contact of this term, not at all."""
    decide(records, due_in(33, "C1"))
    decide(records, due_in(30, "C1", CALL, day=date(2026, 7, 9)), NOON + timedelta(days=3))
    contacted = f"renewal_30d:{int((NOON - timedelta(days=2)).timestamp())}"
    decide(records, due_in(33, "C2", touchpoints_contacted=contacted))
    found = simulate(lake, records, edit(tmp_path, touchpoints=EARLIER))
    assert (found.before.marketing, found.after.marketing) == (1, 1)
    assert found.after.reached == {"C1"}


def test_a_record_that_lacks_a_tag_of_the_edited_trigger_is_due_as_recorded(
    lake: Lake, records: Records, tmp_path: Path
) -> None:
    decide(records, due_in(30, "C1", CALL))
    text = DEARER + 'trigger = { condition = "annual_distance_km > 1" }\n'
    found = simulate(lake, records, edit(tmp_path, touchpoints=text))
    assert found.after.reached == {"C1"}
    assert found.document()["timed_as_recorded"] == ["renewal_30d"]


def test_a_folder_without_rules_and_a_month_without_decisions_are_refused(
    lake: Lake, month: Records, tmp_path: Path
) -> None:
    with pytest.raises(GuanjiaError, match="has none of policy"):
        simulate(lake, month, edit(tmp_path))
    with pytest.raises(GuanjiaError, match="are none"):
        simulate_policy(lake, month, EditedRules(), END, END + timedelta(days=30))


def test_what_a_gate_keeps_is_what_the_contact_would_be_worth() -> None:
    never_asked = facts_of("C1", 110.0, CALL, permission=Permission({"phone": None}, True))
    refused = facts_of("C1", 110.0, CALL, permission=Permission({"phone": False}, True))
    capped = facts_of("C1", 110.0, CALL, blocks=[Gate("a_week", False, "", "")])
    held_out = facts_of("C1", 110.0, CALL, policy=POLICY.model_copy(update={"holdout_share": 1.0}))
    worth = {}
    for name, facts, gate in (
        ("asked", never_asked, "consent"), ("refused", refused, "consent"),
        ("capped", capped, "a_week"), ("holdout", held_out, "holdout"),
    ):  # fmt: skip
        assert settle(facts).chosen is None
        lifted = lift_gate(facts, gate)
        assert lifted is not None
        chosen = settle(lifted).chosen
        worth[name] = chosen.value.total if chosen and chosen.value else None
    assert worth == {"asked": 10.0, "refused": None, "capped": 10.0, "holdout": 10.0}
    assert lift_gate(facts_of("C1", 1.0), "open_complaint") is None


def test_another_policy_is_worth_what_it_would_have_gained(lake: Lake, records: Records) -> None:
    """Silence renews 50%, a call 80%; each is drawn half the time. A renewal is worth 100 yuan, a
    call costs 1: always to call is worth 79 yuan, the lot (50 + 79) / 2 = 64.5."""
    drawing = POLICY.model_copy(update={"exploration_share": 1.0})
    noise = np.random.default_rng(4)
    rows: list[dict[str, Any]] = []
    for number in range(600):
        customer = f"C{number}"
        called = decide(records, facts_of(customer, 100.0, CALL, policy=drawing)) is not None
        renews = bool(noise.random() < (0.8 if called else 0.5))
        rows += both_terms(number, customer, date(2026, 7, 20), renews=renews)
    write_terms(lake.checked("policies"), rows)
    found = value_policy(lake, records, POLICY, BEGIN, END, date(2026, 8, 31))
    assert found.unripe == 0
    assert found.value.new.low < 79 < found.value.new.high
    assert found.value.logged.low < 64.5 < found.value.logged.high
    assert found.value.effective == pytest.approx(300, abs=50)
    assert found.value.credible
    with pytest.raises(GuanjiaError, match="no ripe outcome"):
        value_policy(lake, records, POLICY, BEGIN, END, date(2026, 7, 31))


def holdout_policy() -> Policy:
    return SHIPPED.model_copy(update={"holdout_share": 0.3})


def test_the_standing_holdout_tells_what_all_contact_added(lake: Lake, records: Records) -> None:
    """Contact adds 20 points; at 3,000 terms and 30% held out the interval is 3.9 wide a side."""
    policy, noise = holdout_policy(), np.random.default_rng(5)
    rows: list[dict[str, Any]] = []
    for number in range(3_000):
        customer = f"C{number}"
        held = in_holdout(policy.salt, customer, "2026", 0.3)
        renews = bool(noise.random() < (0.5 if held else 0.7))
        rows += both_terms(number, customer, date(2026, 3, 1), renews=renews)
    write_terms(lake.checked("policies"), rows)
    found = measure_standing(lake, records, policy, date(2026, 6, 30))
    assert found.effect.low < 0.2 < found.effect.high
    assert found.renewals.value == pytest.approx(found.effect.value * found.effect.treated)
    assert (found.summed, found.ratio) == (0, None)
    with pytest.raises(GuanjiaError, match="has no ripe terms"):
        measure_standing(lake, records, replace_share(policy, 0.0), date(2026, 6, 30))


def replace_share(policy: Policy, share: float) -> Policy:
    return policy.model_copy(update={"holdout_share": share})
