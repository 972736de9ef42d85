"""A month decided again under edited touchpoints: what they cost, and when they are due."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from decided_month import CALL, CARE, NOON, decide, edit, facts_of, simulate

from features.lake import Lake
from serving.decision.candidates import Candidate
from serving.decision.core import Facts
from serving.decision.gates import Permission
from serving.records.database import Records

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
