"""Lots of campaigns: by household, made again alike, as large as stated."""

from collections import Counter

import pytest
from campaign_plans import plan_fields
from hypothesis import given
from hypothesis import strategies as st

from serving.campaigns.draw import count_arms, draw_arm, draw_members
from serving.campaigns.members import Member, read_members
from serving.campaigns.plan import Arm, PlanFaultError, parse_plan

ARMS = (
    Arm(name="new", kind="treatment", share=0.6),
    Arm(name="before", kind="as_before", share=0.3),
    Arm(name="quiet", kind="silence", share=0.1),
)
MEMBERS = [Member(f"C{number}") for number in range(20_000)]


def test_arms_have_their_shares() -> None:
    """At 20,000 members a share is off by 0.0035 at one standard error at most: four are 0.014."""
    counted = count_arms(draw_members("salt", "july", MEMBERS, ARMS), ARMS)
    shares = [counted[arm.name] / len(MEMBERS) for arm in ARMS]
    assert shares == pytest.approx([0.6, 0.3, 0.1], abs=0.014)


def test_another_campaign_draws_others() -> None:
    """Were the lots alike, whoever was silent once would be silent in every campaign."""
    first = draw_members("salt", "july", MEMBERS, ARMS)
    second = draw_members("salt", "august", MEMBERS, ARMS)
    both = Counter((first[m.customer_id].name, second[m.customer_id].name) for m in MEMBERS)
    assert both["quiet", "quiet"] / len(MEMBERS) == pytest.approx(0.01, abs=0.004)


@given(st.lists(st.tuples(st.text(min_size=1), st.text(max_size=3)), unique_by=lambda x: x[0]))
def test_neither_order_nor_company_changes_a_lot(people: list[tuple[str, str]]) -> None:
    members = [Member(customer, household or None) for customer, household in people]
    forward = draw_members("salt", "july", members, ARMS)
    assert forward == draw_members("salt", "july", reversed(members), ARMS)
    for member in members:
        alone = draw_arm("salt", "july", member.unit, ARMS)
        assert forward[member.customer_id] == alone
    by_household: dict[str, set[str]] = {}
    for member in members:
        by_household.setdefault(member.unit, set()).add(forward[member.customer_id].name)
    assert all(len(arms) == 1 for arms in by_household.values())


def test_members_are_read_with_the_headings_of_a_list() -> None:
    rows = [
        {
            "客户号": "'00123",
            "续保概率": "0.81",
            "星级": "4",
            "预期边际贡献（元）": "1,250.5",
            "机构": "B1",
        }
    ]
    assert read_members(rows) == [
        Member("00123", probability=0.81, star=4, margin=1250.5, branch="B1")
    ]


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        ([{"客户号": ""}], "names no customer"),
        ([{"客户号": "C1"}, {"客户号": "C1"}], "whom another row names"),
        ([{"客户号": "C1", "续保概率": "高"}], "which is no probability"),
        ([{"客户号": "C1", "续保概率": "1.2"}], "which is no probability"),
    ],
)
def test_a_fault_of_the_list_is_named(rows: list[dict[str, str]], fault: str) -> None:
    with pytest.raises(PlanFaultError, match=fault):
        read_members(rows)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"arms": [{"name": "a", "kind": "treatment", "share": 0.5}] * 2}, "same name"),
        ({"primary": ["quiet", "call"]}, "primary names a treatment"),
        ({"ends_on": "2026-06-01"}, "before it starts"),
        ({"looks": 0}, "looks"),
        ({"breakdowns": ["age"]}, "age"),
        ({"tuchpoint": "x"}, "tuchpoint"),
    ],
)
def test_a_fault_of_the_plan_is_named(change: dict[str, object], fault: str) -> None:
    fields = plan_fields()
    assert parse_plan(fields).arm("call").share == 0.5
    with pytest.raises(PlanFaultError, match=fault):
        parse_plan(fields | change)
