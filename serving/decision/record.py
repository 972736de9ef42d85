"""Convert a decision to the JSON document of its record, and restore its facts for a replay."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from pydantic_core import to_json

from serving.campaigns.membership import CampaignArm
from serving.decision.candidates import Candidate, Offer
from serving.decision.core import Facts
from serving.decision.gates import Gate, Permission
from serving.decision.schemas import DecideResponse
from serving.decision.worth.policy import Policy
from serving.records.columns import JsonText
from serving.records.packing import Frame

STORED = {"predictions": "told"}
"""Field of the facts -> its key in the documents, if that is still the one of the first release."""


@dataclass(frozen=True)
class RecordFrame:
    """What the records of many decisions share.

    Attributes
    ----------
    shared : Frame
        As it is stored.
    numbers : Mapping[Candidate, int]
        Places of its candidates.
    """

    shared: Frame
    numbers: Mapping[Candidate, int]


def build_record(
    facts: Facts,
    answer: DecideResponse,
    request: Mapping[str, Any],
    subject: str,
    frame: RecordFrame | None = None,
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
    frame : RecordFrame, optional
        What the document refers to (`serving.records.packing`). Default: it stands alone.

    Raises
    ------
    ValueError
        If a number is NaN or infinite, which the records do not store.
    """
    stored: dict[str, Any] = {STORED.get(name, name): v for name, v in vars(facts).items()}
    if frame is not None:
        numbers = frame.numbers
        stored["candidates"] = [numbers.get(candidate, candidate) for candidate in facts.candidates]
        if list(facts.tags) == frame.shared.tags:
            stored["tags"] = list(facts.tags.values())
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
    campaign = stored.get("campaign")
    fields["campaign"] = CampaignArm(**campaign) if campaign else None
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
