"""Hold what a decision is made from: what is known of the customer, and what the records know."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from features.contracts.vocabulary import CONTACT_CHANNELS
from features.tags.groups.touch_history import CHANNELS
from serving.decision.candidates import Candidate
from serving.decision.core import Facts
from serving.decision.gates import Gate, Permission
from serving.decision.left_out import LeftOut
from serving.decision.worth.value import COMPULSORY_PREMIUM, RECENT_CONTACTS, UNANSWERED_CONTACTS
from serving.predictions.margin import CURRENT_PREMIUM, QUOTED_PREMIUM
from serving.records.contacts.cap_rules import Plan
from serving.records.contacts.history import History
from serving.records.people.consents import Consent, Consents, CoreSystemConsents
from serving.schemas import Freshness, Star
from serving.touchpoints.tag_days import tags_on

BRANCH = "branch"
GATE_TAGS = ("open_claims", "open_complaints", "wecom_added", "mini_program_bound", BRANCH)
VALUE_TAGS = (
    RECENT_CONTACTS,
    UNANSWERED_CONTACTS,
    QUOTED_PREMIUM,
    CURRENT_PREMIUM,
    COMPULSORY_PREMIUM,
)
LATEST_CONSENTS = "latest_consents"
CONSENTS = ("marketing_consent", "profiling_consent", "location_consent", LATEST_CONSENTS)
OPT_OUTS = {channel: f"{channel}_opted_out" for channel in CHANNELS}


@dataclass(frozen=True)
class CustomerFacts:
    """What is known of a customer before the records are read.

    Attributes
    ----------
    tags : Mapping[str, object]
        Tags by name, as plain values.
    degraded : bool
        Whether the tags are the latest snapshot's, because the online store does not answer.
    predictions, effects : Mapping[str, float or None]
        By model, and by treatment; empty if the customer refuses profiling.
    margin : float or None
        Expected margin of the coming motor term in yuan.
    star, freshness : Star or None, Freshness
        As in the answer.
    versions : Mapping[str, object]
        Versions of the models, the effect models and the touchpoints.
    """

    tags: Mapping[str, Any]
    degraded: bool
    predictions: Mapping[str, float | None]
    effects: Mapping[str, float]
    margin: float | None
    star: Star | None
    freshness: Freshness
    versions: Mapping[str, Any]


@dataclass(frozen=True)
class DecisionInputs:
    """The facts of a decision, and what it takes to reserve its contact.

    Attributes
    ----------
    facts : Facts
        What the decision depends on.
    history : History
        Earlier contacts of the customer, which the caps count.
    plans : list of Plan
        For each candidate, when its contact would be made.
    zone : ZoneInfo
        The customer's time zone, whose civil day is that of a contact.
    left_out : list of LeftOut
        Timely touchpoints that are no candidates.
    stale : bool
        Whether the tags are too old to tell of some touchpoint whether it is due.
    details : Mapping[str, object]
        What messages to the customer can name; empty without candidates.
    """

    facts: Facts
    history: History
    plans: list[Plan]
    zone: ZoneInfo
    left_out: list[LeftOut]
    stale: bool
    details: Mapping[str, Any] = field(default_factory=dict)

    def contact_tags(self, candidate: Candidate) -> Mapping[str, Any]:
        """Return the tags as they stand on the day on which a candidate's contact is made."""
        return tags_on(self.facts.tags, self.contact_day(candidate))

    def contact_day(self, candidate: Candidate) -> date:
        """Return the civil day on which a candidate's contact is made."""
        at = self.plans[self.facts.candidates.index(candidate)].at
        return at.astimezone(self.zone).date()


def base_of(tags: Mapping[str, Any]) -> CoreSystemConsents:
    """Read from tags what the core system knows of a customer's consents."""
    words = read_words(tags.get(LATEST_CONSENTS))
    return CoreSystemConsents(
        known_until=tags["freshness"],
        marketing=tags["marketing_consent"],
        profiling=tags["profiling_consent"],
        location=tags["location_consent"],
        opted_out=frozenset(channel for channel, tag in OPT_OUTS.items() if tags[tag]),
        changed_at={
            purpose: consent.changed_at
            for (purpose, channel), consent in words.items()
            if channel is None
        },
        channels={channel: consent for (_, channel), consent in words.items() if channel},
    )


def read_words(text: str | None) -> dict[tuple[str, str | None], Consent]:
    """Read the tag `latest_consents`: purpose, and channel or None -> the latest word on it.

    Examples
    --------
    >>> words = read_words("marketing.phone:no:1782864000")
    >>> words["marketing", "phone"].granted
    False
    """
    words: dict[tuple[str, str | None], Consent] = {}
    for word in text.split(";") if text else ():
        subject, answer, seconds = word.split(":")
        purpose, _, channel = subject.partition(".")
        at = datetime.fromtimestamp(int(seconds), UTC)
        words[purpose, channel or None] = Consent(answer == "yes", at)
    return words


def permission_of(consents: Consents) -> Permission:
    """Convert the consents that hold to what the gates ask."""
    return Permission(
        {channel: consents.marketing_by(channel) for channel in CONTACT_CHANNELS},
        consents.profiling,
    )


def gate_of(contact_plan: Plan) -> Gate | None:
    """Convert the cap that blocks a planned contact to a gate; None if none does."""
    block = contact_plan.block
    return None if block is None else Gate(block.rule, False, block.chinese, block.english)
