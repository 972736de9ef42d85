"""A month decided again under another policy, caps and capacity."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from decided_month import CALL, END, NOON, POLICY, decide, edit, facts_of, simulate

from features.errors import GuanjiaError
from features.lake import Lake
from serving.decision.core import settle
from serving.decision.gates import Gate, Permission
from serving.measurement.simulation.edited_rules import EditedRules
from serving.measurement.simulation.lifted_gates import lift_gate
from serving.measurement.simulation.policy_simulation import simulate_policy
from serving.records.database import Records
from serving.records.people.consents import ConsentChange, write_consent


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
