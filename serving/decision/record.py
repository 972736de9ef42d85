"""The facts of a decision as JSON, and back: what it takes to make it again."""

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

from pydantic_core import to_json

from serving.decision.candidates import Candidate, Offer
from serving.decision.core import Facts
from serving.decision.gates import Gate, Permission
from serving.decision.policy import Policy
from serving.decision.schemas import DecideResponse
from serving.records.columns import JsonText


def record_of(
    facts: Facts, answer: DecideResponse, sent: Mapping[str, Any], subject: str
) -> JsonText:
    """A decision as it is kept, in JSON: who asked for what, the facts, and the answer.

    Raises
    ------
    ValueError
        If a number is none: the records keep no NaN.
    """
    kept = {"asked_by": subject, "request": sent, "facts": vars(facts), "answer": answer}
    text = to_json(kept, fallback=dict).decode()
    if "NaN" in text or "Infinity" in text:  # as a number, or in somebody's words
        json.loads(text, parse_constant=_no_number)
    return JsonText(text)


def _no_number(constant: str) -> float:
    raise ValueError(f"a decision holds {constant}, which the records do not keep")


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
