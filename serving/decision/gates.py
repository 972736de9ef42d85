"""Check the gates of a contact: what must hold before a customer is contacted.

Each gate states its finding in words. A mandatory service message passes as far as the law allows:
caps, the holdout, an open claim and the refusal of marketing do not block it. No value is computed
for a candidate that a gate blocks.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from features.contracts.vocabulary import CONTACT_CHANNEL_LABELS, CONTACT_CHANNEL_NAMES
from serving.campaigns.membership import CampaignArm
from serving.decision.candidates import Candidate

REACHABLE: Mapping[str, tuple[str, str, str]] = {
    "wecom": ("wecom_added", "客户未添加企业微信", "has not added us on WeCom"),
    "app": ("mini_program_bound", "客户未绑定小程序", "has not bound the mini-program"),
}
"""Channel -> the tag that must be true, and what it means if it is not, in two languages."""
CHANNEL_ASKED = "channel_asked"
PROFILING, CAMPAIGN = "profiling", "campaign"


@dataclass(frozen=True)
class Gate:
    """A gate that was checked, and whether it was passed.

    Attributes
    ----------
    name : str
        Name of the gate: "consent", "holdout", a rule of the contact caps.
    passed : bool
        False: the contact may not be made.
    chinese, english : str
        The finding in words, passed or not.
    """

    name: str
    passed: bool
    chinese: str
    english: str


@dataclass(frozen=True)
class Permission:
    """What the customer consents to at the moment of the decision.

    Attributes
    ----------
    marketing : Mapping[str, bool or None]
        By channel; None: the customer never answered.
    profiling : bool or None
        The same of profiling.
    """

    marketing: Mapping[str, bool | None]
    profiling: bool | None


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


def check_customer(
    tags: Mapping[str, Any], *, holdout: bool, open_event: bool = False
) -> list[Gate]:
    """Check the gates of a customer, which block all marketing, whatever the candidate.

    Parameters
    ----------
    tags : Mapping[str, object]
        The customer's tags by name.
    holdout : bool
        Whether the customer is in the holdout of the cycle.
    open_event : bool
        Whether the caller knows of a claim or a complaint that the tags do not have yet.
    """
    claims, complaints = tags.get("open_claims") or 0, tags.get("open_complaints") or 0
    return [
        Gate(
            "open_claim",
            not claims and not open_event,
            f"未决赔案{claims}件，暂不营销" if claims or open_event else "无未决赔案",
            f"{claims} open claims" if claims else "a claim just reported" if open_event
            else "no open claim",
        ),
        Gate(
            "open_complaint",
            not complaints,
            f"未解决投诉{complaints}件，暂不营销" if complaints else "无未解决投诉",
            f"{complaints} open complaints" if complaints else "no open complaint",
        ),
        Gate(
            "holdout",
            not holdout,
            "客户属于本周期对照组" if holdout else "不在对照组",
            "the customer is in this cycle's holdout" if holdout else "not in the holdout",
        ),
    ]  # fmt: skip


def check_candidate(
    candidate: Candidate,
    tags: Mapping[str, Any],
    permission: Permission,
    only_channel: str | None = None,
    *,
    inbound: bool = False,
) -> list[Gate]:
    """Check the gates of one candidate: consent, the channel asked for, and its reach.

    Parameters
    ----------
    candidate : Candidate
        The contact that could be made.
    tags : Mapping[str, object]
        The customer's tags by name.
    permission : Permission
        What the customer consents to.
    only_channel : str, optional
        The only channel that the caller can use; default: any.
    inbound : bool
        Whether the customer came to us by the channel, which reaches them then.
    """
    channel, gates = candidate.channel, []
    if only_channel is not None:
        same = channel == only_channel
        chinese, english = _words(only_channel)
        gates.append(
            Gate(
                CHANNEL_ASKED, same, f"仅可通过{chinese}触达", f"only contact by {english} is asked"
            )
        )
    if candidate.kind == "marketing":
        granted = permission.marketing.get(channel)
        gates.append(_consent(granted, channel))
    tag, chinese, english = REACHABLE.get(channel, ("", "", ""))
    if tag and not inbound:
        reached = bool(tags.get(tag))
        gates.append(
            Gate(
                "reachable",
                reached,
                "渠道可触达" if reached else chinese,
                "the channel reaches the customer" if reached else f"the customer {english}",
            )
        )
    return gates


def check_campaign(candidate: Candidate, campaign: CampaignArm | None) -> list[Gate]:
    """Check that a contact spoils no arm of a running campaign.

    A treatment gets the campaign's touchpoint and no other marketing, the arm as before gets all
    but that, and the silent arm nothing. Service messages pass: they must be given.

    Parameters
    ----------
    candidate : Candidate
        The contact that could be made.
    campaign : CampaignArm or None
        The arm that the customer is in; None: no gate is there to check.
    """
    if campaign is None or candidate.kind == "service":
        return []
    offer = candidate.offer.name if candidate.offer else None
    ours = campaign.gives(candidate.touchpoint, candidate.channel, offer)
    label, name = campaign.label, campaign.campaign
    if campaign.kind == "silence":
        chinese = f"客户在活动“{label}”的静默对照组，活动期间不营销"
        english = f"the customer is in the silent arm of the campaign {name}"
        return [Gate("campaign", False, chinese, english)]
    if campaign.kind == "as_before":
        passed = candidate.touchpoint != campaign.touchpoint
        chinese = f"客户在活动“{label}”的照旧组" + ("" if passed else ", 不做该活动触达")
        english = f"the customer is in the arm as before of the campaign {name}"
        return [Gate("campaign", passed, chinese, english)]
    chinese = f"客户在活动“{label}”的活动组" + ("" if ours else "，期间只做该活动触达")
    english = f"the customer is in the arm {campaign.arm} of the campaign {name}"
    return [Gate("campaign", ours, chinese, english)]


def check_contact(
    candidate: Candidate,
    tags: Mapping[str, Any],
    permission: Permission,
    customer_gates: Sequence[Gate],
    block: Gate | None,
    *,
    only_channel: str | None = None,
    inbound: bool = False,
    campaign: CampaignArm | None = None,
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
    campaign : CampaignArm, optional
        The arm of a running campaign that the customer is in.
    """
    own = check_candidate(candidate, tags, permission, only_channel, inbound=inbound)
    own += check_campaign(candidate, campaign)
    own += [block] if block is not None else []
    if candidate.kind == "marketing" and not all_passed(customer_gates):
        failed = [gate for gate in customer_gates if not gate.passed]
        return Eligibility([*failed, *own], eligible=False)
    return Eligibility(own, all_passed(own))


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


def check_other_campaign(campaign: str | None) -> Gate:
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


def all_passed(gates: Iterable[Gate]) -> bool:
    """Check whether all gates were passed."""
    return all(gate.passed for gate in gates)


def _consent(granted: bool | None, channel: str) -> Gate:
    chinese, english = _words(channel)
    if granted:
        return Gate("consent", True, f"已同意{chinese}营销", f"consents to marketing by {english}")
    # Silence is no consent (PIPL, art. 14).
    reason = ("客户未表示同意营销", "the customer never consented to marketing")
    if granted is False:
        reason = (f"客户已拒绝{chinese}营销", f"the customer refuses marketing by {english}")
    return Gate("consent", False, *reason)


def _words(channel: str) -> tuple[str, str]:
    """Name a channel in both languages; a record may name one that is no longer known."""
    return (
        CONTACT_CHANNEL_LABELS.get(channel, channel),
        CONTACT_CHANNEL_NAMES.get(channel, channel),
    )
