"""Make the members of a campaign from a released list, and name the release in the plan."""

from collections.abc import Iterable, Mapping
from typing import Any

from serving.lists.released.members import Member
from serving.lists.released.releases import Release
from training.uplift.randomised_trials import OUTCOME


def campaign_of_release(
    fields: Mapping[str, Any], release: Release, members: Iterable[Member]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Complete a plan with the release that it draws from, and list its rows.

    Customers of the standing holdout stand on a list and are not drawn: they are left out here, as
    they were when it was released.

    Parameters
    ----------
    fields : mapping of str to object
        Fields of the plan. What a renewal is worth is the mean of the list, unless it is stated.
    release : Release
        The release.
    members : iterable of Member
        Its members.

    Returns
    -------
    fields : dict of str to object
        With name and hash of the release.
    rows : list of dict
        As `serving.campaigns.members.read_members` reads them.
    """
    drawn = [member for member in members if not member.in_holdout]
    about_renewal = release.definition.model == OUTCOME
    rows = [
        {
            "customer_id": member.customer_id,
            "place": member.place,
            "probability": member.probability if about_renewal else None,
            "margin": member.margin,
            "star": member.star,
            "branch": member.branch,
        }
        for member in drawn
    ]
    worth = [member.worth for member in drawn if member.worth is not None]
    completed = {**fields, "list_name": release.name, "list_hash": release.content_hash}
    if about_renewal and worth and sum(worth) > 0:
        completed.setdefault("worth", sum(worth) / len(worth))
    return completed, rows
