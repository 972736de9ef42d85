"""Lift one gate of a decision, to tell what it keeps from the customer.

What is lifted is one thing at a time, and the contact it allows is not counted against later ones:
the worth is an upper bound. An open claim, a complaint and a refusal are not for sale: their gates
are never lifted.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from serving.decision.core import Facts
from serving.decision.gates import CHANNEL_ASKED, REACHABLE, Permission
from serving.decision.silence import DRAWN, NOT_WORTH_IT, NOTHING_DUE

NEVER = frozenset(
    {
        *("open_claim", "open_complaint", "opted_out", "cooling_off", "prediction"),
        *(NOTHING_DUE, DRAWN),
    }
)
"""What no rule of ours could lift."""


def lift_gate(facts: Facts, name: str) -> Facts | None:
    """Return the facts as they would be without a gate.

    Parameters
    ----------
    facts : Facts
        What a silent decision was made from.
    name : str
        What the silence rested on (`silence_reasons`).

    Returns
    -------
    Facts or None
        None: nothing of ours could lift it.
    """
    policy = facts.policy.model_copy(update={"exploration_share": 0.0})
    facts = replace(facts, policy=policy)
    if name in NEVER:
        return None
    lifted: Mapping[str, Callable[[], dict[str, Any]]] = {
        "holdout": lambda: {"policy": policy.model_copy(update={"holdout_share": 0.0})},
        "campaign": lambda: {"campaign": None},
        "consent": lambda: {"permission": _ask_consent(facts)},
        "reachable": lambda: {
            "tags": {**facts.tags, **{tag: True for tag, _, _ in REACHABLE.values()}}
        },
        NOT_WORTH_IT: lambda: {"capacity_prices": {}},
        CHANNEL_ASKED: lambda: {"only_channel": None},
    }
    if name in lifted:
        return replace(facts, **lifted[name]())
    blocks = [None if block is None or block.name == name else block for block in facts.blocks]
    return replace(facts, blocks=blocks)


def _ask_consent(facts: Facts) -> Permission:
    """Suppose that who was never asked says yes; who said no has said it."""
    marketing = {
        channel: True if granted is None else granted
        for channel, granted in facts.permission.marketing.items()
    }
    return Permission(marketing, facts.permission.profiling)
