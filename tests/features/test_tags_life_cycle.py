"""Chains of cover and the life-cycle stage, worked out by hand and against the star rule."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import ibis
import pytest

from features.checking.check import check_tables
from features.lake import Lake
from features.lake.spine import SPINE, spine_of_customers
from features.settings import Settings
from features.sources.simulation.simulate import simulate
from features.tags.groups.life_cycle import STAGES, life_cycle_stage
from features.tags.relations.relations import RELATIONS
from features.tags.relations.touchpoint_families import FAMILIES, TOUCHPOINTS

Row = dict[str, Any]
Answer = Callable[..., Row]
Expect = Callable[..., None]


def at(text: str) -> datetime:
    """An instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_gap_of_more_than_six_months_begins_a_new_chain_of_cover(
    answer: Answer, expect: Expect, term: Answer
) -> None:
    policies = [
        term("A1", "2019-01-01", "2020-01-01", 900),
        term("A2", "2020-01-01", "2021-01-01", 900),
        term("B1", "2021-08-01", "2022-08-01", 900),
        term("B2", "2023-02-01", "2024-02-01", 900),  # after exactly 6 months: no break
        term("C1", "2025-03-01", "2026-03-01", 900),
        term("C2", "2025-03-01", "2026-03-01", 900, line="motor_compulsory"),
        term("C3", "2026-03-01", "2027-03-01", 900),
        term("C4", "2026-01-01", "2027-01-01", 900, vehicle_id="V2"),
        term("D1", "2026-07-01", "2027-07-01", 900, vehicle_id="V2"),  # not begun
    ]
    expect(
        answer("loyalty", policies=policies),
        days_since_chain_start=486,
        motor_terms_in_chain=4,
        renewals_in_chain=1,
        longest_chain_days=549,
        cover_return_count_36m=1,
        returned_after_break=True,
        days_since_last_return=486,
    )
    expect(
        answer("loyalty", date(2023, 6, 30), policies=policies),
        days_since_chain_start=698,
        motor_terms_in_chain=2,
        renewals_in_chain=1,
        longest_chain_days=549,
        cover_return_count_36m=1,
        days_since_last_return=698,
    )


def test_a_customer_who_never_left(answer: Answer, expect: Expect, term: Answer) -> None:
    expect(
        answer("loyalty", policies=[term("A1", "2026-01-01", "2027-01-01", 900)]),
        days_since_chain_start=180,
        motor_terms_in_chain=1,
        renewals_in_chain=0,
        longest_chain_days=0,
        cover_return_count_36m=0,
        returned_after_break=False,
        days_since_last_return=None,
    )
    expect(
        answer("loyalty"),
        days_since_chain_start=None,
        motor_terms_in_chain=0,
        renewals_in_chain=0,
        longest_chain_days=None,
        returned_after_break=False,
    )


def test_the_latest_chain_is_the_one_that_makes_the_star(tmp_path: Path) -> None:
    """Two implementations of one rule: 300 simulated customers on two dates."""
    lake = Lake(Settings(home=tmp_path))
    simulate(lake, 300, 5)
    check_tables(lake)
    spine = spine_of_customers(lake, [date(2022, 3, 31), date(2026, 6, 30)])
    chains = RELATIONS["cover_chains"].build(lake, spine)
    latest = chains.group_by(SPINE).aggregate(began=chains.began.max(), chains=chains.count())
    rated = RELATIONS["rating"].build(lake, spine).select(*SPINE, "chain_start")
    rows = rated.left_join(latest, SPINE).to_pyarrow().to_pylist()
    assert len(rows) > 400
    assert [row for row in rows if row["chain_start"] != row["began"]] == []
    assert sum((row["chains"] or 0) > 1 for row in rows) > 0


CLOSE = {
    "open_complaints": 0,
    "mini_program_bound": False,
    "wecom_added": False,
    "contact_response_count_365d": 0,
    "entitlement_used_count_365d": 0,
    "non_motor_policies_in_force": 0,
    "tenure_years": 0,
}


@pytest.mark.parametrize(
    ("told", "stage"),
    [
        ({}, "entry"),
        (dict.fromkeys(CLOSE), "entry"),
        ({"tenure_years": 9}, "entry"),
        ({"mini_program_bound": True}, "stickiness"),
        ({"wecom_added": True}, "stickiness"),
        ({"contact_response_count_365d": 1}, "stickiness"),
        ({"entitlement_used_count_365d": 1}, "stickiness"),
        ({"non_motor_policies_in_force": 1}, "stickiness"),
        ({"tenure_years": 9, "wecom_added": True, "mini_program_bound": True}, "stickiness"),
        ({"tenure_years": 2, "entitlement_used_count_365d": 1}, "stickiness"),
        ({"tenure_years": 3, "entitlement_used_count_365d": 1}, "trust"),
        ({"tenure_years": 3, "contact_response_count_365d": 1}, "trust"),
        ({"tenure_years": 3, "non_motor_policies_in_force": 1}, "trust"),
        ({"tenure_years": 3, "non_motor_policies_in_force": 1, "open_complaints": None}, "trust"),
        ({"tenure_years": 9, "wecom_added": True, "entitlement_used_count_365d": 1}, "trust"),
        (
            {"tenure_years": 9, "entitlement_used_count_365d": 1, "open_complaints": 1},
            "stickiness",
        ),
    ],
)
def test_the_stage_of_life_follows_from_its_tags(told: Row, stage: str) -> None:
    assert stage in STAGES
    types = {name: "boolean" if type(value) is bool else "int64" for name, value in CLOSE.items()}
    row = ibis.memtable([{**CLOSE, **told}], schema=ibis.schema(types))
    found = row.select(stage=life_cycle_stage(row)).to_pyarrow()["stage"].to_pylist()
    assert found == [stage]


def test_the_stage_of_a_customer_known_by_his_tables(
    answer: Answer, expect: Expect, term: Answer
) -> None:
    years = ("2024", "2025", "2026")
    policies = [term(f"P{n}", f"{n}-01-01", f"{int(n) + 1}-01-01", 900) for n in years]
    used = {"entitlement_id": "E1", "service": "wash", "service_class": "B",
            "granted_at": at("2026-01-01"), "expires_on": date(2026, 12, 31),
            "used_at": at("2026-06-01")}  # fmt: skip
    expect(answer("loyalty", policies=policies), life_cycle_stage="entry")
    found = answer("loyalty", policies=policies, entitlements=[used])
    expect(found, life_cycle_stage="trust")


def test_documentation_has_the_stages_and_the_families() -> None:
    page = (Path(__file__).parents[2] / "docs" / "tag-rules.md").read_text(encoding="utf-8")
    page = " ".join(page.split())
    for stage, label in STAGES.items():
        assert f" - `{stage}` {label}: " in page
    for family, names in TOUCHPOINTS.items():
        told = ", ".join(f"`{name}`" for name in names)
        assert f" - `{family}` {FAMILIES[family]}: {told}. " in page
