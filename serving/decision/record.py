"""Keep a decision as JSON, and read its facts back: what it takes to make it again."""

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

STORED = {"predictions": "told"}
"""Field of the facts -> its key in the documents, which is that of the first release."""


def record_of(
    facts: Facts, answer: DecideResponse, request: Mapping[str, Any], subject: str
) -> JsonText:
    """Write down a decision in JSON: who asked for what, the facts, and the answer.

    Parameters
    ----------
    facts : Facts
        What the decision was made from.
    answer : DecideResponse
        What was answered.
    request : Mapping[str, object]
        What was asked, without the client's key.
    subject : str
        Who asked, by the token.

    Raises
    ------
    ValueError
        If a number is NaN or infinite: the records keep none.
    """
    stored = {STORED.get(name, name): value for name, value in vars(facts).items()}
    document = {"asked_by": subject, "request": request, "facts": stored, "answer": answer}
    text = to_json(document, fallback=dict).decode()
    if "NaN" in text or "Infinity" in text:  # as a number, or in somebody's words
        json.loads(text, parse_constant=_no_number)
    return JsonText(text)


def facts_of(stored: Mapping[str, Any]) -> Facts:
    """Read the facts that `record_of` wrote, from their JSON."""
    fields = dict(stored)
    fields.update({name: fields.pop(key) for name, key in STORED.items()})
    fields["day"] = date.fromisoformat(str(stored["day"]))
    fields["permission"] = Permission(**stored["permission"])
    fields["candidates"] = [_candidate(candidate) for candidate in stored["candidates"]]
    fields["blocks"] = [None if block is None else Gate(**block) for block in stored["blocks"]]
    fields["policy"] = Policy.model_validate(stored["policy"])
    return Facts(**fields)


def _no_number(constant: str) -> float:
    raise ValueError(f"a decision holds {constant}, which the records do not keep")


def _candidate(stored: Mapping[str, Any]) -> Candidate:
    offer = stored["offer"]
    return Candidate(**{**stored, "offer": Offer(**offer) if offer else None})
