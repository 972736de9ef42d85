"""The power check decides or refuses; the share left alone is a result of it."""

from typing import Any

import pytest
from campaign_plans import plan_fields

from serving.campaigns.members import Member
from serving.campaigns.plan import parse_plan
from serving.campaigns.power_check import (
    WeakCampaignError,
    check_campaign,
    propose_shares,
    require_power,
)

FIELDS = plan_fields(
    arms=[{"name": "call", "kind": "treatment"}, {"name": "quiet", "kind": "silence"}],
    looks=1,
    effect=0.02,
    weak_because=None,
)


def members(number: int) -> list[Member]:
    return [Member(f"C{n}", probability=0.75) for n in range(number)]


def shares(percent: float) -> dict[str, Any]:
    arms = [
        {"name": "call", "kind": "treatment", "share": 1 - percent},
        {"name": "quiet", "kind": "silence", "share": percent},
    ]
    return FIELDS | {"arms": arms}


@pytest.mark.parametrize(
    ("number", "percent", "points"),
    [(1_400, 0.05, 14.9), (1_400, 0.10, 10.8), (1_400, 0.5, 6.5), (100_000, 0.05, 1.8)],
)
def test_the_smallest_visible_effect_is_that_of_the_specification(
    number: int, percent: float, points: float
) -> None:
    check = check_campaign(parse_plan(shares(percent)), members(number))
    assert check.visible_effect * 100 == pytest.approx(points, abs=0.06)
    assert check.visible_yuan == pytest.approx(check.visible_effect * 400)
    assert check.break_even_effect == pytest.approx(3 / 400)


def test_a_campaign_that_sees_nothing_is_refused_unless_a_reason_is_given() -> None:
    plan = parse_plan(shares(0.05))
    check = check_campaign(plan, members(1_400))
    assert check.power < 0.1
    with pytest.raises(WeakCampaignError, match="holdout of this list is enough"):
        require_power(plan, check, None)
    with pytest.raises(WeakCampaignError):
        require_power(plan, check, "  ")
    require_power(plan, check, "a pilot of the script, judged by its quality")


def test_the_share_left_alone_is_the_smallest_that_sees_the_effect() -> None:
    """2 points of 75% at 80% need n h (1 - h) = (2.8016 / 0.02)^2 * 0.1875 = 3,679: of 30,000
    members h = 14.3%, so 15%."""
    proposed = propose_shares(FIELDS, members(30_000))
    assert [arm["share"] for arm in proposed["arms"]] == pytest.approx([0.85, 0.15])
    check = check_campaign(parse_plan(proposed), members(30_000))
    assert check.needed_share == pytest.approx(0.143, abs=0.001)
    assert check.power > 0.8
    few = propose_shares(FIELDS, members(1_000))
    assert [arm["share"] for arm in few["arms"]] == [0.5, 0.5]


def test_households_count_once() -> None:
    pairs = [Member(f"C{n}", household=f"H{n // 2}", probability=0.75) for n in range(2_000)]
    assert check_campaign(parse_plan(shares(0.5)), pairs).compared == 1_000


def test_more_looks_see_a_little_less() -> None:
    one = check_campaign(parse_plan(shares(0.2)), members(30_000))
    four = check_campaign(parse_plan(shares(0.2) | {"looks": 4}), members(30_000))
    assert one.visible_effect < four.visible_effect < 1.04 * one.visible_effect
