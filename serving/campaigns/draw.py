"""Draw members into the arms of a campaign, household by household, so that it can be made again.

Each household has its lot, a hash of a salt, the campaign and the household: neither the order of
the members nor who else is on the list has a part in it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from serving.campaigns.members import Member
from serving.campaigns.plan import Arm
from serving.lots import draw_lot


def draw_arm(salt: str, campaign: str, unit: str, arms: Sequence[Arm]) -> Arm:
    """Draw the arm of a household.

    Parameters
    ----------
    salt : str
        Salt of the policy.
    campaign : str
        Name of the campaign: another one draws others.
    unit : str
        The household, or a customer alone.
    arms : sequence of Arm
        Arms with shares that add up to 1.
    """
    lot, end = draw_lot(salt, "campaign", campaign, unit), 0.0
    for arm in arms:
        end += arm.share
        if lot < end:
            return arm
    return arms[-1]


def draw_members(
    salt: str, campaign: str, members: Iterable[Member], arms: Sequence[Arm]
) -> dict[str, Arm]:
    """Draw the arm of every member.

    Parameters
    ----------
    salt : str
        Salt of the policy.
    campaign : str
        Name of the campaign.
    members : iterable of Member
        The members.
    arms : sequence of Arm
        Arms with shares that add up to 1.

    Returns
    -------
    dict of str to Arm
        Customer -> arm.
    """
    return {member.customer_id: draw_arm(salt, campaign, member.unit, arms) for member in members}


def count_arms(drawn: Mapping[str, Arm], arms: Sequence[Arm]) -> dict[str, int]:
    """Count the members of each arm, in the order of the arms."""
    counts = Counter(arm.name for arm in drawn.values())
    return {arm.name: counts[arm.name] for arm in arms}
