"""Gather what a decision rests on: the customer first, then what the records know of them.

Tags, predictions and effects are read before the transaction of the records, consents, contacts and
prices of capacity in it, so that the customer's lock is held for a short time.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from features.contracts.vocabulary import CONTACT_CHANNELS
from features.erased import erasure_key, pseudonym
from features.tags.groups.touch_history import CHANNELS
from serving.decision.candidates import Candidate
from serving.decision.capacity.averages import averages
from serving.decision.core import Facts
from serving.decision.effects import Effects
from serving.decision.gates import Gate, Permission
from serving.decision.policy import load_policy
from serving.decision.schemas import DecideRequest
from serving.decision.touchpoint_menu import TouchpointMenu
from serving.decision.value import RECENT, UNANSWERED
from serving.predictions.margin import CURRENT, MARGIN, QUOTED, expected, number_or_none
from serving.predictions.probabilities import Served, needed_tags, predict_one
from serving.predictions.scoring import STAR_TAGS
from serving.predictions.service import PredictionService
from serving.records.contacts.cap_rules import Plan, plan
from serving.records.contacts.capacity import prices_on
from serving.records.contacts.caps import Caps
from serving.records.contacts.history import History
from serving.records.people.consents import CoreSystemConsents, resolve_consents
from serving.schemas import Freshness, Star

BRANCH = "branch"
CONSENTS = ("marketing_consent", "profiling_consent", "location_consent")
OPT_OUTS = {channel: f"{channel}_opted_out" for channel in CHANNELS}
GATES = ("open_claims", "open_complaints", "wecom_added", "mini_program_bound", BRANCH)
VALUES = (RECENT, UNANSWERED, QUOTED, CURRENT)
PRICES_KEPT = timedelta(minutes=5)


@dataclass(frozen=True)
class CustomerFacts:
    """What is known of a customer before the records are asked.

    Attributes
    ----------
    tags : Mapping[str, object]
        Tags by name, as plain values.
    degraded : bool
        Whether they are those of the latest snapshot, because the online store is away.
    predictions, effects : Mapping[str, float or None]
        By model, and by treatment; empty for who is known to refuse profiling.
    margin : float or None
        Expected margin of the coming motor term in yuan.
    candidates : list of Candidate
        What could be done at the decision point, in its order.
    star, freshness : Star or None, Freshness
        As the answer says them.
    versions : Mapping[str, object]
        Of models, effects and the catalogue of touchpoints.
    """

    tags: Mapping[str, Any]
    degraded: bool
    predictions: Mapping[str, float | None]
    effects: Mapping[str, float]
    margin: float | None
    candidates: list[Candidate]
    star: Star | None
    freshness: Freshness
    versions: Mapping[str, Any]


@dataclass(frozen=True)
class Gathered:
    """Everything a decision is made from, and what carrying it out needs.

    Attributes
    ----------
    facts : Facts
        What the decision depends on.
    history : History
        Contacts of the customer, in view of which the chosen one gets its place.
    plans : list of Plan
        For each candidate, when its contact would be made.
    """

    facts: Facts
    history: History
    plans: list[Plan]


class Gatherer:
    """Gather the facts of decisions; loaded before the first request, shared by threads.

    Parameters
    ----------
    service : PredictionService
        Tags and predictions.
    menu : TouchpointMenu
        The touchpoints.
    caps : Caps
        Rules of contacts.

    Attributes
    ----------
    effects : Effects
        What treatments change; replaced as a whole when other models were learned.
    """

    def __init__(self, service: PredictionService, menu: TouchpointMenu, caps: Caps) -> None:
        lake = service.lake
        self.effects = Effects(lake)
        self._service, self._menu, self._caps = service, menu, caps
        self._policy = load_policy(lake.home)
        self._zone = ZoneInfo(lake.settings.timezone)
        self._erasure_key = erasure_key(lake.settings)
        self._listed: tuple[Mapping[str, Served], Effects, tuple[str, ...]] | None = None
        self._prices: tuple[datetime, dict[tuple[str, str], float]] | None = None

    def refresh(self) -> None:
        """Take up effect models that were learned anew; a request has all of them or none."""
        self.effects = Effects(self._service.lake, self.effects)

    def read_customer(
        self, request: DecideRequest, at: datetime, branches: Collection[str] | None = None
    ) -> CustomerFacts:
        """Read a customer's tags, and ask the models about them.

        Parameters
        ----------
        request : DecideRequest
            Who, where, and what the touchpoint knows.
        at : datetime
            Now.
        branches : collection of str, optional
            The caller sees customers of these alone.

        Raises
        ------
        UnknownCustomerError, UnknownNameError
            If the customer or the decision point is not known.
        GuanjiaError
            If neither the online store nor the snapshot can be read.
        """
        service, context = self._service, request.context
        models, effects = service.current.now.models, self.effects
        names = self._tag_names(models, effects)
        (tags,), degraded = service.tags([request.customer_id], names, branches)
        predictions: dict[str, float | None] = {}
        changes: dict[str, float] = {}
        margin = None
        if tags["profiling_consent"] is not False:
            predictions = predict_one(models, tags, context.lead_days)
            _, margins = expected(tags, predictions, service.lake.settings.expense_share)
            margin = number_or_none(margins)
            changes = effects.lower(tags)
        return CustomerFacts(
            tags=tags,
            degraded=degraded,
            predictions=predictions,
            effects=changes,
            margin=margin,
            candidates=self._menu.candidates(
                request.decision_point, tags, context.stage, self._day(at), context.happened
            ),
            star=service.star(tags),
            freshness=service.freshness(tags),
            versions={
                "models": {name: served.version for name, served in models.items()},
                "effects": effects.versions,
                "touchpoints": self._menu.version,
            },
        )

    def gather(
        self,
        connection: Connection,
        request: DecideRequest,
        customer: CustomerFacts,
        at: datetime,
    ) -> Gathered:
        """Read what the records know of a customer, and put all facts of a decision together.

        Parameters
        ----------
        connection : Connection
            Of the transaction that writes the decision, after `lock_customer`.
        request : DecideRequest
            Who, where, and what the touchpoint knows.
        customer : CustomerFacts
            What `read_customer` read.
        at : datetime
            Now.
        """
        tags, branch = customer.tags, customer.tags[BRANCH]
        erased_as = pseudonym(self._erasure_key, request.customer_id)
        history = self._caps.history(connection, request.customer_id, at, branch, erased_as)
        consents = resolve_consents(history.consent_records, at, base_of(tags))
        profiled = consents.profiling is not False
        means = {} if profiled else averages(self._service.lake)
        plans = self._plans(history, customer.candidates, request.context.campaign, branch, at)
        facts = Facts(
            customer_id=request.customer_id,
            decision_point=request.decision_point,
            day=self._day(at),
            tags=tags,
            predictions=customer.predictions
            if profiled
            else {name: means.get(name) for name in customer.versions["models"]},
            effects=customer.effects if profiled else {},
            margin=customer.margin if profiled else means.get(MARGIN),
            permission=Permission(
                {channel: consents.marketing_by(channel) for channel in CONTACT_CHANNELS},
                consents.profiling,
            ),
            candidates=customer.candidates,
            blocks=[_gate(planned) for planned in plans],
            recent_contacts=tags[RECENT] or 0,
            capacity_prices=self._capacity_prices(connection, branch, at),
            policy=self._policy,
            only_channel=request.context.channel,
            open_event=request.context.open_event,
        )
        return Gathered(facts, history, plans)

    def _plans(
        self,
        history: History,
        candidates: Sequence[Candidate],
        campaign: str | None,
        branch: str | None,
        at: datetime,
    ) -> list[Plan]:
        """Plan the contact of each candidate; those that the caps cannot tell apart once."""
        plans: dict[tuple[str, str, str], Plan] = {}
        keys = [(candidate.family, candidate.kind, candidate.channel) for candidate in candidates]
        for key, candidate in zip(keys, candidates, strict=True):
            if key not in plans:
                traits = self._caps.traits(
                    candidate.family, candidate.kind, candidate.channel, campaign, branch
                )
                plans[key] = plan(self._caps.rules, history, traits, at)
        return [plans[key] for key in keys]

    def _tag_names(self, models: Mapping[str, Served], effects: Effects) -> tuple[str, ...]:
        """List the tags that decisions read while these models answer, once for all requests."""
        listed = self._listed
        if listed is None or listed[0] is not models or listed[1] is not effects:
            names = [
                *STAR_TAGS,
                *needed_tags(models, explain=False),
                *effects.tags,
                *CONSENTS,
                *OPT_OUTS.values(),
                *GATES,
                *VALUES,
                *self._menu.tags,
            ]
            self._listed = listed = models, effects, tuple(dict.fromkeys(names))
        return listed[2]

    def _capacity_prices(
        self, connection: Connection, branch: str | None, at: datetime
    ) -> dict[str, float]:
        """Read what a contact by each channel is worth to others of the branch today."""
        if self._prices is None or not timedelta(0) <= at - self._prices[0] < PRICES_KEPT:
            rows = prices_on(connection, self._day(at))
            self._prices = at, {(row.branch, row.channel): row.price for row in rows}
        prices = self._prices[1]
        return {channel: price for (where, channel), price in prices.items() if where == branch}

    def _day(self, at: datetime) -> date:
        """Tell the insurer's civil day."""
        return at.astimezone(self._zone).date()


def base_of(tags: Mapping[str, Any]) -> CoreSystemConsents:
    """Read from tags what the core system knows of a customer's consents."""
    return CoreSystemConsents(
        known_until=tags["freshness"],
        marketing=tags["marketing_consent"],
        profiling=tags["profiling_consent"],
        location=tags["location_consent"],
        opted_out=frozenset(channel for channel, tag in OPT_OUTS.items() if tags[tag]),
    )


def _gate(planned: Plan) -> Gate | None:
    block = planned.block
    return None if block is None else Gate(block.rule, False, block.chinese, block.english)
