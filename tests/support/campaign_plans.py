"""Plans of campaigns as tests write them: a call against silence, or beside the habit of before."""

from typing import Any

TOO_FEW = "a test has few customers"


def halves(channel: str | None = None) -> list[dict[str, Any]]:
    """Half are called, half hear nothing; the call may have a channel."""
    return [_call(0.5, channel), {"name": "quiet", "kind": "silence", "share": 0.5}]


def three_arms(channel: str | None = None) -> list[dict[str, Any]]:
    """Four in ten are called; of the others half hear what they always did, half nothing."""
    return [
        _call(0.4, channel),
        {"name": "usual", "kind": "as_before", "share": 0.3},
        {"name": "quiet", "kind": "silence", "share": 0.3},
    ]


def plan_fields(**changes: Any) -> dict[str, Any]:
    """The fields of a plan for July: `plan_fields(campaign="august", weak_because=None)`; a field
    that is changed to None is left out."""
    fields = {
        "campaign": "july",
        "label": "七月外呼",
        "touchpoint": "renewal_30d",
        "arms": halves(),
        "primary": ["call", "quiet"],
        "starts_on": "2026-07-01",
        "ends_on": "2026-09-30",
        "effect": 0.05,
        "contact_cost": 3.0,
        "worth": 400.0,
        "weak_because": TOO_FEW,
        **changes,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _call(share: float, channel: str | None) -> dict[str, Any]:
    call = {"name": "call", "kind": "treatment", "share": share}
    return call if channel is None else {**call, "channel": channel}
