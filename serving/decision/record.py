"""The facts of a decision as JSON, and back: what it takes to make it again."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Any

from serving.decision.candidates import Candidate, Offer
from serving.decision.core import Facts
from serving.decision.gates import Gate, Permission
from serving.decision.policy import Policy


def record_of(facts: Facts) -> dict[str, Any]:
    """The facts as they are kept with the decision; `replay` reads them."""
    kept = {name: value for name, value in vars(facts).items() if name != "policy"}
    kept["permission"] = vars(facts.permission)
    kept["candidates"] = [asdict(one) for one in facts.candidates]
    kept["blocks"] = [None if one is None else vars(one) for one in facts.blocks]
    kept["policy"] = facts.policy.model_dump()
    return kept


def facts_of(kept: Mapping[str, Any]) -> Facts:
    """The facts that `record_of` kept, from their JSON."""
    given = dict(kept)
    given["day"] = date.fromisoformat(str(kept["day"]))
    given["permission"] = Permission(**kept["permission"])
    given["candidates"] = [_candidate(one) for one in kept["candidates"]]
    given["blocks"] = [None if one is None else Gate(**one) for one in kept["blocks"]]
    given["policy"] = Policy.model_validate(kept["policy"])
    return Facts(**given)


def _candidate(kept: Mapping[str, Any]) -> Candidate:
    offer = kept["offer"]
    return Candidate(**{**kept, "offer": Offer(**offer) if offer else None})
