"""Say whether a contact with a customer may be made: one function for `/decide` and for lists.

What differs is where the facts come from. A decision reads one customer's tags online and their
history under their lock; a list reads many customers of a snapshot, and all histories in one
statement.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from serving.decision import gates
from serving.decision.candidates import Candidate
from serving.decision.gates import Gate, Permission

PROFILING, CAMPAIGN = "profiling", "campaign"


@dataclass(frozen=True)
class Eligibility:
    """The gates of a contact.

    Attributes
    ----------
    gates : list of Gate
        What `/decide` records of the candidate: the gates of the customer that hold it back, then
        its own, passed or not.
    eligible : bool
        Whether the contact may be made.
    """

    gates: list[Gate]
    eligible: bool


def check_contact(
    candidate: Candidate,
    tags: Mapping[str, Any],
    permission: Permission,
    customer_gates: Sequence[Gate],
    block: Gate | None,
    *,
    only_channel: str | None = None,
    inbound: bool = False,
) -> Eligibility:
    """Check every gate of a contact.

    Parameters
    ----------
    candidate : Candidate
        The contact that could be made.
    tags : Mapping[str, object]
        The customer's tags by name.
    permission : Permission
        What the customer consents to.
    customer_gates : sequence of Gate
        What `check_customer` found: these gates hold back marketing alone.
    block : Gate or None
        The cap that holds the contact back (opted out, cooling off, too many contacts); None: no
        cap does.
    only_channel : str, optional
        The only channel that the caller can use; default: any.
    inbound : bool
        Whether the customer came to us.
    """
    own = gates.check_candidate(candidate, tags, permission, only_channel, inbound=inbound)
    own += [block] if block is not None else []
    if candidate.kind == "marketing" and not gates.all_passed(customer_gates):
        failed = [gate for gate in customer_gates if not gate.passed]
        return Eligibility([*failed, *own], eligible=False)
    return Eligibility(own, gates.all_passed(own))


def check_profiling(permission: Permission) -> Gate:
    """Check that the customer lets us choose by predictions, as a list does that ranks by them.

    `/decide` goes on without predictions; whoever is on a list is there because of one.
    """
    refused = permission.profiling is False
    return Gate(
        PROFILING,
        not refused,
        "客户已拒绝画像" if refused else "未拒绝画像",
        "the customer refuses profiling" if refused else "profiling is not refused",
    )


def check_campaign(campaign: str | None) -> Gate:
    """Check that no campaign of higher priority has the customer.

    Parameters
    ----------
    campaign : str or None
        Name of the campaign that has them; None: none has.
    """
    return Gate(
        CAMPAIGN,
        campaign is None,
        f"客户已在优先活动 {campaign} 中" if campaign else "不在其他优先活动中",
        f"the customer is in the campaign {campaign} of higher priority"
        if campaign
        else "in no campaign of higher priority",
    )
