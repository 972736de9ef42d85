"""What must hold before a customer is contacted; each gate says what it found, in words.

A mandatory service message passes where the law lets it: caps, the holdout, an open claim and the
refusal of marketing do not hold it back. Nobody's values are computed for what a gate keeps back.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from serving.decision.candidates import Candidate

REACHABLE: Mapping[str, tuple[str, str, str]] = {
    "wecom": ("wecom_added", "未添加企业微信", "has not added us on WeCom"),
    "app": ("mini_program_bound", "未绑定小程序", "has not bound the mini-program"),
}
"""Channel -> the tag that must hold, and what it means where it does not."""


@dataclass(frozen=True)
class Gate:
    """A gate that was asked, and whether it let pass.

    Attributes
    ----------
    name : str
    passed : bool
    chinese, english : str
        Why; of a gate that let pass, what was found.
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
        By channel; None: they never said.
    profiling : bool or None
    """

    marketing: Mapping[str, bool | None]
    profiling: bool | None


def of_customer(tags: Mapping[str, Any], *, holdout: bool, open_event: bool = False) -> list[Gate]:
    """Gates that keep back all marketing to a customer, whatever the candidate.

    Parameters
    ----------
    open_event : bool
        Whether the touchpoint asking knows of a claim or a complaint that no tag has yet.
    """
    claims, complaints = tags.get("open_claims") or 0, tags.get("open_complaints") or 0
    found = [
        Gate(
            "open_claim",
            not claims and not open_event,
            f"未决赔案{claims}件, 暂不营销" if claims or open_event else "无未决赔案",
            f"{claims} open claims" if claims else "a claim just reported" if open_event
            else "no open claim",
        ),
        Gate(
            "open_complaint",
            not complaints,
            f"未解决投诉{complaints}件, 暂不营销" if complaints else "无未解决投诉",
            f"{complaints} open complaints" if complaints else "no open complaint",
        ),
        Gate(
            "holdout",
            not holdout,
            "客户属于本周期对照组" if holdout else "不在对照组",
            "the customer is in this cycle's holdout" if holdout else "not in the holdout",
        ),
    ]  # fmt: skip
    return found


def of_candidate(
    candidate: Candidate,
    tags: Mapping[str, Any],
    permission: Permission,
    only_channel: str | None = None,
) -> list[Gate]:
    """Gates of one candidate: consent, the channel asked for, whether it reaches the customer."""
    channel, found = candidate.channel, []
    if only_channel is not None:
        same = channel == only_channel
        found.append(
            Gate(
                "channel_asked", same, f"本触点仅限{only_channel}", f"only {only_channel} is asked"
            )
        )
    if candidate.kind == "marketing":
        granted = permission.marketing.get(channel)
        found.append(_consent(granted, channel))
    tag, chinese, english = REACHABLE.get(channel, ("", "", ""))
    if tag:
        reached = bool(tags.get(tag))
        found.append(
            Gate(
                "reachable",
                reached,
                "渠道可触达" if reached else chinese,
                "the channel reaches the customer" if reached else f"the customer {english}",
            )
        )
    return found


def passed(gates: Iterable[Gate]) -> bool:
    """Whether all gates let pass."""
    return all(gate.passed for gate in gates)


def _consent(granted: bool | None, channel: str) -> Gate:
    if granted:
        return Gate("consent", True, "已同意营销", f"consents to marketing by {channel}")
    # Silence is no consent (PIPL, art. 14).
    told = ("未表示同意营销", "never consented to marketing")
    if granted is False:
        told = (f"已拒绝{channel}营销", f"refuses marketing by {channel}")
    return Gate("consent", False, *told)
