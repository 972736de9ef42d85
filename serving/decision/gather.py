"""Gather the facts of a decision: the customer first, then what the records know of them.

Tags, predictions and effects are read before the transaction of the records; consents, contacts and
capacity prices in it. So the customer's lock is held for a short time.
"""

import logging
import sqlite3
from collections.abc import Callable, Collection, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from features.erased import erasure_key, pseudonym
from features.errors import GuanjiaError
from features.instants import microseconds
from features.online.contact_details import read_details
from serving.campaigns.membership import current_membership, given_touchpoint
from serving.decision.candidates import Candidate, campaign_name
from serving.decision.capacity.averages import averages
from serving.decision.core import Facts
from serving.decision.inputs import (
    BRANCH,
    CONSENTS,
    GATE_TAGS,
    OPT_OUTS,
    VALUE_TAGS,
    CustomerFacts,
    DecisionInputs,
    base_of,
    gate_of,
    permission_of,
)
from serving.decision.schemas import DecideRequest
from serving.decision.touchpoint_source import TouchpointSource
from serving.decision.worth.effects import Effects
from serving.decision.worth.policy import load_policy
from serving.decision.worth.value import RECENT_CONTACTS
from serving.predictions.margin import expected_cost_and_margin, number_or_none
from serving.predictions.probabilities import ServedModel, needed_tags, predict_one
from serving.predictions.scores_file import MARGIN
from serving.predictions.scoring import STAR_TAGS
from serving.predictions.service import PredictionService
from serving.records.contacts.cap_rules import Plan, plan
from serving.records.contacts.capacity import prices_on
from serving.records.contacts.caps import Caps
from serving.records.contacts.history import History
from serving.records.contacts.made_contacts import release_reserved
from serving.records.people.consents import resolve_consents
from serving.telemetry.log_lines import hide_details_in_log
from serving.telemetry.tracing import span
from serving.touchpoints.due import Customer

logger = logging.getLogger(__name__)

PRICES_LIFETIME = timedelta(minutes=5)


class Gatherer:
    """Gather the facts of decisions; loaded before the first request, shared by threads.

    Parameters
    ----------
    service : PredictionService
        Tags and predictions.
    touchpoints : TouchpointSource
        The touchpoints of the home.
    caps : Caps
        The contact caps.

    Attributes
    ----------
    effects : Effects
        The effect models; replaced as a whole by `refresh`.
    policy : Policy
        The policy of the home.
    """

    def __init__(
        self, service: PredictionService, touchpoints: TouchpointSource, caps: Caps
    ) -> None:
        lake = service.lake
        self.effects = Effects(lake)
        self._service, self._touchpoints, self._caps = service, touchpoints, caps
        self.policy = load_policy(lake.home)
        self._zone = ZoneInfo(lake.settings.timezone)
        self._erasure_key = erasure_key(lake.settings)
        self._tag_lists: tuple[Mapping[str, ServedModel], Effects, tuple[str, ...]] | None = None
        self._prices: tuple[datetime, dict[tuple[str, str], float]] | None = None

    def refresh(self) -> None:
        """Load effect models that were trained since; a request sees all of them or none."""
        self.effects = Effects(self._service.lake, self.effects)

    def read_customer(
        self,
        request: DecideRequest,
        at: datetime,
        branches: Collection[str] | None = None,
        changes: Mapping[str, Any] | None = None,
    ) -> CustomerFacts:
        """Read a customer's tags, and predict from them.

        Parameters
        ----------
        request : DecideRequest
            The customer, the decision point, and what the caller knows.
        at : datetime
            Now, with a time zone.
        branches : collection of str, optional
            Branches whose customers the caller sees; default: all.
        changes : Mapping[str, object], optional
            Tags that are other than the customer's, for a report on what a choice depends on.

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
        with span("tags"):
            (tags,), degraded = service.tags([request.customer_id], names, branches)
        tags = {**tags, **changes} if changes else tags
        predictions: dict[str, float | None] = {}
        bounds: dict[str, float] = {}
        margin = None
        if tags["profiling_consent"] is not False:
            with span("models"):
                neutral = self.policy.neutral_tags(tags)
                predictions = predict_one(models, neutral, context.lead_days)
                _, margins = expected_cost_and_margin(
                    tags, predictions, service.lake.settings.expense_share
                )
                margin = number_or_none(margins)
                bounds = effects.lower_bounds(neutral)
        return CustomerFacts(
            tags=tags,
            degraded=degraded,
            predictions=predictions,
            effects=bounds,
            margin=margin,
            star=service.star(tags),
            freshness=service.freshness(tags, self._day(at)),
            versions={
                "models": {name: served.version for name, served in models.items()},
                "effects": effects.versions,
                "touchpoints": self._touchpoints.version,
            },
        )

    def gather(
        self,
        connection: Connection,
        request: DecideRequest,
        customer: CustomerFacts,
        at: datetime,
        certain: datetime | None = None,
    ) -> DecisionInputs:
        """Read what the records know of a customer, and put all facts of a decision together.

        Parameters
        ----------
        connection : Connection
            The transaction that writes the decision, after `lock_customer`.
        request : DecideRequest
            The customer, the decision point, and what the caller knows.
        customer : CustomerFacts
            What `read_customer` returned.
        at : datetime
            Now, with a time zone.
        certain : datetime, optional
            The instant by which reservations expire. Default: `at`.
        """
        tags, branch = customer.tags, customer.tags[BRANCH]
        erased_as = pseudonym(self._erasure_key, request.customer_id)
        memory = self._touchpoints.memory
        history = self._caps.history(
            connection, request.customer_id, at, branch, erased_as, memory, certain
        )
        known = Customer(tags, self._day(at), self._zone, self._touchpoints.past(history))
        if ended := self._touchpoints.ended_reservations(known, history):
            release_reserved(connection, request.customer_id, ended)
            history = history.without(ended)
        # All that is on record has happened, also where the clock was ahead as it was recorded.
        known_at = max([at, *(change.recorded_at for change in history.consent_records)])
        core = base_of(tags)
        consents = resolve_consents(history.consent_records, known_at, core)
        history = history.with_later(core)
        profiled = consents.profiling is not False
        means = {} if profiled else averages(self._service.lake)
        inbound = self._touchpoints.is_inbound(request.decision_point)
        zone = self._caps.zone(branch)
        member = current_membership(connection, request.customer_id, at, known.today)
        arm = None if member is None else member.arm
        requested = request.context.campaign

        def campaign_of(candidate: Candidate) -> str | None:
            return campaign_name(candidate, arm, requested)

        plan_of = self._planner(history, campaign_of, branch, at, inbound=inbound)
        offered = self._touchpoints.candidates(
            request.decision_point,
            known,
            request.context.stage,
            lambda candidate: plan_of(candidate).at.astimezone(zone).date(),
            request.context.happened,
            history.events,
            given=given_touchpoint(member, known),
        )
        plans = [plan_of(candidate) for candidate in offered.candidates]
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
            permission=permission_of(consents),
            candidates=offered.candidates,
            blocks=[gate_of(contact_plan) for contact_plan in plans],
            recent_contacts=tags[RECENT_CONTACTS] or 0,
            capacity_prices=self._capacity_prices(connection, branch, at),
            policy=self.policy,
            only_channel=request.context.channel,
            open_event=request.context.open_event,
            inbound=inbound,
            lot=str(microseconds(at)),
            campaign=arm,
        )
        reads = offered.candidates and not customer.degraded
        details = self.details(request.customer_id) if reads else {}
        return DecisionInputs(facts, history, plans, zone, offered.left_out, offered.stale, details)

    def details(self, customer_id: str) -> Mapping[str, Any]:
        """Read what messages to a customer can name; without it they say what they can."""
        try:
            details = read_details(self._service.lake, [customer_id]).get(customer_id, {})
        except (GuanjiaError, sqlite3.Error) as fault:
            logger.warning("messages name neither the customer nor their car: %s", fault)
            return {}
        hide_details_in_log(details)
        return details

    def _planner(
        self,
        history: History,
        campaign_of: Callable[[Candidate], str | None],
        branch: str | None,
        at: datetime,
        *,
        inbound: bool,
    ) -> Callable[[Candidate], Plan]:
        """Return what plans the contact of a candidate; those that the caps treat alike once."""
        plans: dict[tuple[str, str, str, str | None], Plan] = {}

        def plan_of(candidate: Candidate) -> Plan:
            campaign = campaign_of(candidate)
            key = candidate.family, candidate.kind, candidate.channel, campaign
            if key not in plans:
                traits = self._caps.traits(
                    candidate.family,
                    candidate.kind,
                    candidate.channel,
                    campaign,
                    branch,
                    inbound=inbound,
                )
                plans[key] = plan(self._caps.rules, history, traits, at)
            return plans[key]

        return plan_of

    def _tag_names(self, models: Mapping[str, ServedModel], effects: Effects) -> tuple[str, ...]:
        """List the tags that decisions read with these models, once for all requests."""
        tag_lists = self._tag_lists
        if tag_lists is None or tag_lists[0] is not models or tag_lists[1] is not effects:
            names = [
                *STAR_TAGS,
                *needed_tags(models, explain=False),
                *effects.tags,
                *CONSENTS,
                *OPT_OUTS.values(),
                *GATE_TAGS,
                *VALUE_TAGS,
                *self._touchpoints.tags,
            ]
            self._tag_lists = tag_lists = models, effects, tuple(dict.fromkeys(names))
        return tag_lists[2]

    def _capacity_prices(
        self, connection: Connection, branch: str | None, at: datetime
    ) -> dict[str, float]:
        """Read today's price of a contact of the branch by channel, yuan; cached for minutes."""
        if self._prices is None or not timedelta(0) <= at - self._prices[0] < PRICES_LIFETIME:
            rows = prices_on(connection, self._day(at))
            self._prices = at, {(row.branch, row.channel): row.price for row in rows}
        prices = self._prices[1]
        return {channel: price for (place, channel), price in prices.items() if place == branch}

    def _day(self, at: datetime) -> date:
        """Return the civil day of an instant in the insurer's time zone."""
        return at.astimezone(self._zone).date()
