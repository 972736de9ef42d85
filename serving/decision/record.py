"""Convert a decision to the JSON document of its record, and restore its facts for a replay."""

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

from pydantic_core import to_json

from serving.decision.candidates import Candidate, Offer
from serving.decision.core import Facts
from serving.decision.gates import Gate, Permission
from serving.decision.schemas import DecideResponse
from serving.decision.worth.policy import Policy
from serving.records.columns import JsonText

STORED = {"predictions": "told"}
"""Field of the facts -> its key in the documents, if that is still the one of the first release."""


def build_record(
    facts: Facts, answer: DecideResponse, request: Mapping[str, Any], subject: str
) -> JsonText:
    """Build the JSON document of a decision: the request and its caller, the facts, the answer.

    Parameters
    ----------
    facts : Facts
        What the decision was made from.
    answer : DecideResponse
        The answer to the caller.
    request : Mapping[str, object]
        The request, without the client key.
    subject : str
        The caller, by the token.

    Raises
    ------
    ValueError
        If a number is NaN or infinite, which the records do not store.
    """
    stored = {STORED.get(name, name): value for name, value in vars(facts).items()}
    document = {"asked_by": subject, "request": request, "facts": stored, "answer": answer}
    text = to_json(document, fallback=dict).decode()
    if "NaN" in text or "Infinity" in text:  # as a number, or in somebody's words
        json.loads(text, parse_constant=_no_number)
    return JsonText(text)


def restore_facts(stored: Mapping[str, Any]) -> Facts:
    """Restore the facts from the JSON that `build_record` wrote."""
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
    fallbacks = tuple(stored.get("fallbacks", ()))
    return Candidate(
        **{**stored, "offer": Offer(**offer) if offer else None, "fallbacks": fallbacks}
    )
