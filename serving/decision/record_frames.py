"""Make the frame of records: what decisions by one policy, catalogue and set of models share."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pydantic_core import to_json

from features.contracts.vocabulary import CONTACT_CHANNELS
from features.instants import EPOCH
from serving.decision.candidates import Candidate
from serving.decision.core import Facts, settle
from serving.decision.gates import Permission
from serving.decision.inputs import CustomerFacts, DecisionInputs
from serving.decision.record import RecordFrame, build_record
from serving.decision.response import build_response
from serving.decision.schemas import DecideRequest
from serving.decision.touchpoint_source import TouchpointSource
from serving.decision.worth.policy import Policy
from serving.records.contacts.decisions import store_frame
from serving.records.contacts.history import History
from serving.records.database import Records
from serving.records.packing import Frame
from serving.schemas import Freshness, Star

STORED_FOR = timedelta(minutes=1)
"""After this time a frame is stored again: the database may have been restored meanwhile."""
MOST_FRAMES = 16
NOBODY = "-"
SERVICES = ("steward", "online_claims", "a_services", "b_services", "c_services")


class RecordFrames:
    """Frames of the records of this process; threads share them.

    Parameters
    ----------
    records : Records
        Where frames are stored.
    touchpoints : TouchpointSource
        The touchpoints of the home.
    policy : Policy
        The policy of the home.
    """

    def __init__(self, records: Records, touchpoints: TouchpointSource, policy: Policy) -> None:
        self._records, self._policy = records, policy
        self._candidates = touchpoints.every_candidate()
        self._frames: dict[tuple[tuple[str, ...], bytes], RecordFrame] = {}
        self._stored: dict[str, datetime] = {}

    def stored(self, customer: CustomerFacts, at: datetime, seconds: float) -> RecordFrame:
        """Return the frame of a decision about a customer, stored in a transaction before its own.

        Parameters
        ----------
        customer : CustomerFacts
            Names of tags and versions are taken from it, and no value.
        at : datetime
            Now.
        seconds : float
            How long to wait for the records.

        Raises
        ------
        RecordsAwayError
            If the records do not answer.
        """
        key = tuple(customer.tags), to_json(customer.versions)
        frame = self._frames.get(key)
        if frame is None:
            frame = build_frame(self._policy, *key, self._candidates)
            if len(self._frames) >= MOST_FRAMES:
                self._frames.clear()
            self._frames[key] = frame
        last = self._stored.get(frame.shared.frame_id)
        if last is None or not timedelta(0) <= at - last < STORED_FOR:
            with self._records.writing(seconds) as connection:
                store_frame(connection, frame.shared)
            self._stored[frame.shared.frame_id] = at
        return frame


def build_frame(
    policy: Policy, tags: Sequence[str], versions: bytes, candidates: Sequence[Candidate]
) -> RecordFrame:
    """Build the frame of a policy, the names of tags, versions and candidates.

    Parameters
    ----------
    policy : Policy
        The policy.
    tags : sequence of str
        Names of the tags that decisions read.
    versions : bytes
        JSON of the versions of models, effect models and touchpoints.
    candidates : sequence of Candidate
        Every candidate of the touchpoints, each once.
    """
    marketing = [candidate for candidate in candidates if candidate.kind == "marketing"][:2]
    content = {
        "candidates": candidates,
        "tags": tags,
        # Deflate looks back from the end: what is most alike to most records comes last.
        "samples": [
            _record_of_nobody(policy, json.loads(versions), weighed) for weighed in (marketing, [])
        ],
    }
    shared = Frame(to_json(content, fallback=dict).decode())
    return RecordFrame(shared, {candidate: number for number, candidate in enumerate(candidates)})


def _record_of_nobody(
    policy: Policy, versions: Mapping[str, Any], candidates: Sequence[Candidate]
) -> Any:
    """Decide about nobody, of whom nothing is known; the record has the words of all others."""
    request = DecideRequest(customer_id=NOBODY, decision_point=NOBODY, alternatives=1)
    predictions = dict.fromkeys(versions["models"], 0.5)
    unknown: Mapping[str, Any] = defaultdict(lambda: None)
    customer = CustomerFacts(
        tags=unknown,
        degraded=False,
        predictions=predictions,
        effects={},
        margin=None,
        star=Star(
            level=1,
            name="",
            name_english="",
            value="0.0000",
            lapsed=False,
            entitlements=dict.fromkeys(SERVICES, 0),
        ),
        freshness=Freshness(as_of=EPOCH.date(), known_until=EPOCH, snapshot_id=None),
        versions=versions,
    )
    facts = Facts(
        customer_id=NOBODY,
        decision_point=NOBODY,
        day=EPOCH.date(),
        tags=unknown,
        predictions=predictions,
        effects={},
        margin=None,
        permission=Permission(dict.fromkeys(CONTACT_CHANNELS, True), True),
        candidates=candidates,
        blocks=[None] * len(candidates),
        recent_contacts=0,
        capacity_prices={},
        policy=policy.model_copy(update={"holdout_share": 0.0, "exploration_share": 0.0}),
    )
    result = settle(facts)
    inputs = DecisionInputs(facts, History((), {}, {}, ()), [], ZoneInfo("UTC"), [], stale=False)
    answer = build_response(request, customer, inputs, result, None, decision_id=NOBODY, at=EPOCH)
    shared = replace(facts, tags={}, candidates=[], blocks=[], policy=policy)
    return json.loads(build_record(shared, answer, request.model_dump(mode="json"), NOBODY))
