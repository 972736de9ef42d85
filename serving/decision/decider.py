"""From a request to a decision that is written down: what `POST /decide` does.

Tags, predictions and effects are read and computed first; then, in one transaction of the records,
consents and caps are asked, the decision is made, its contact gets its place, and all of it is
written. Where the records do not answer, nothing is decided: no contact without a record.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from features.contracts.vocabulary import CONTACT_CHANNELS
from features.erased import erasure_key, pseudonym
from features.lake import Lake
from serving.content.check import load_gate
from serving.decision import told
from serving.decision.candidates import Candidate
from serving.decision.capacity.averages import averages
from serving.decision.core import Facts, Judged, Settled, settle
from serving.decision.gates import Gate, Permission
from serving.decision.inquiry import Inquiry, Known, base_of
from serving.decision.menu import Menu, Words
from serving.decision.policy import load_policy
from serving.decision.record import record_of
from serving.decision.schemas import Action, DecideRequest, DecideResponse
from serving.decision.value import RECENT
from serving.predictions.margin import MARGIN
from serving.predictions.service import Door
from serving.records.columns import new_id
from serving.records.contacts.cap_rules import Block
from serving.records.contacts.capacity import prices_on
from serving.records.contacts.caps import Caps, Refusal, Wanted
from serving.records.contacts.contact_caps import load_contact_caps
from serving.records.contacts.decisions import Decision, repeated_decision, write_decision
from serving.records.contacts.history import History
from serving.records.database import WAIT_SECONDS, Records, hold_customer
from serving.records.people.consents import Consents, consents_of

PRICES_KEPT = timedelta(minutes=5)


class Decider:
    """Decides; loaded before the first request, shared by threads.

    Parameters
    ----------
    door : Door
        Tags and predictions.
    records : Records
    menu : Menu
        The touchpoints.
    """

    def __init__(self, door: Door, records: Records, menu: Menu) -> None:
        lake: Lake = door.lake
        self._door, self._records, self._menu = door, records, menu
        self._inquiry = Inquiry(door, menu.tags)
        self._policy = load_policy(lake.home)
        self._content = load_gate(lake.home)
        self._caps = Caps(load_contact_caps(lake.home), lake.settings.timezone)
        self._zone = ZoneInfo(lake.settings.timezone)
        self._erasure_key = erasure_key(lake.settings)
        self._prices: tuple[datetime, dict[tuple[str, str], float]] | None = None

    @property
    def near(self) -> bool:
        """Whether all it asks is a file of this machine that answers."""
        return self._door.near and self._records.near

    def refresh(self) -> None:
        """Take up what was learned anew since the service started."""
        self._inquiry.refresh()

    def decide(
        self,
        request: DecideRequest,
        at: datetime,
        branches: Collection[str] | None = None,
        subject: str = "",
        seconds: float = WAIT_SECONDS,
    ) -> DecideResponse:
        """Decide, reserve and write down.

        Parameters
        ----------
        branches : collection of str, optional
            The caller sees customers of these alone; others are unknown to him.
        subject : str
            Who asks: client keys are his own.
        seconds : float
            How long to wait for the records.

        Raises
        ------
        UnknownCustomerError, UnknownNameError
            If the customer or the decision point is not known.
        ClientKeyConflictError
            If the client key stands for another request.
        RecordsAwayError
            If the records do not answer: then nothing was decided.
        """
        known = self._inquiry.of(request, branches)
        sent = request.model_dump(mode="json", exclude={"client_key"})
        day = self._day(at)
        candidates = self._menu.candidates(
            request.decision_point, known.row, request.context.stage, day, request.context.happened
        )
        with self._records.writing(seconds) as connection:
            hold_customer(connection, request.customer_id)
            key = request.client_key and f"{subject} {request.client_key}"
            found = repeated_decision(connection, key, sent)
            if found is not None:
                return DecideResponse.model_validate(found["document"]["answer"])
            erased_as = pseudonym(self._erasure_key, request.customer_id)
            history = self._caps.history(
                connection, request.customer_id, at, day, erased_as=erased_as
            )
            consents = consents_of(history.said, at, base_of(known.row))
            planned, blocks = self._planned(history, request, known, candidates, at)
            facts = self._facts(connection, request, known, candidates, blocks, consents, at)
            facts, settled, words = self._worded(request, known, facts)
            decision_id = new_id(at)
            action = self._action(connection, settled, words, planned, decision_id, at)
            answer = self._answer(request, known, facts, settled, action, decision_id, at)
            chosen = settled.chosen.candidate if settled.chosen else None
            decision = Decision(
                customer_id=request.customer_id,
                decision_point=request.decision_point,
                decided_at=at,
                document=record_of(facts, answer, sent, subject),
                branch=known.row["branch"],
                touchpoint=chosen.touchpoint if chosen else None,
                channel=chosen.channel if chosen else None,
                purpose=chosen.kind if chosen else None,
                mandatory=settled.mandatory,
                randomised=settled.drawn,
                probability=settled.probability,
                holdout=settled.holdout,
                degraded=known.degraded,
                snapshot_id=answer.tags.snapshot_id if answer.tags else None,
                decision_id=decision_id,
            )
            write_decision(connection, decision, client_key=key, request=sent)
        return answer

    def _planned(
        self,
        history: History,
        request: DecideRequest,
        known: Known,
        candidates: Sequence[Candidate],
        at: datetime,
    ) -> tuple[dict[Candidate, Wanted], list[Gate | None]]:
        """The contact each candidate would be, and what of the caps holds it back then.

        In quiet hours a contact is planned for their end.
        """
        now = [
            Wanted(
                customer_id=request.customer_id,
                touchpoint=one.touchpoint,
                family=one.family,
                purpose=one.kind,
                channel=one.channel,
                planned_at=at,
                branch=known.row["branch"],
                campaign=request.context.campaign,
                cost=Decimal(str(one.cost)),
            )
            for one in candidates
        ]
        found = self._caps.judge(history, now)
        planned = [
            replace(one, planned_at=_after_quiet(block) or at)
            for one, block in zip(now, found, strict=True)
        ]
        if planned != now:
            found = self._caps.judge(history, planned)
        gates = [
            None if block is None else Gate(block.rule, False, block.chinese, block.english)
            for block in found
        ]
        return dict(zip(candidates, planned, strict=True)), gates

    def _facts(
        self,
        connection: Connection,
        request: DecideRequest,
        known: Known,
        candidates: Sequence[Candidate],
        blocks: Sequence[Gate | None],
        consents: Consents,
        at: datetime,
    ) -> Facts:
        profiled = consents.profiling is not False
        mean = {} if profiled else averages(self._door.lake)
        by_channel = {one: consents.marketing_by(one) for one in CONTACT_CHANNELS}
        return Facts(
            customer_id=request.customer_id,
            decision_point=request.decision_point,
            day=self._day(at),
            tags=known.row,
            told=known.told if profiled else {name: mean.get(name) for name in known.models},
            effects=known.effects if profiled else {},
            margin=known.margin if profiled else mean.get(MARGIN),
            permission=Permission(by_channel, consents.profiling),
            candidates=candidates,
            blocks=blocks,
            recent_contacts=known.row[RECENT] or 0,
            capacity_prices=self._capacity(connection, known.row["branch"], at),
            policy=self._policy,
            only_channel=request.context.channel,
            open_event=request.context.open_event,
        )

    def _capacity(
        self, connection: Connection, branch: str | None, at: datetime
    ) -> dict[str, float]:
        """What a contact by each channel is worth to others of the branch today."""
        if self._prices is None or not timedelta(0) <= at - self._prices[0] < PRICES_KEPT:
            prices = prices_on(connection, self._day(at))
            found = {(one.branch, one.channel): one.price for one in prices}
            self._prices = at, found
        kept = self._prices[1]
        return {channel: price for (where, channel), price in kept.items() if where == branch}

    def _day(self, at: datetime) -> date:
        """The insurer's civil day."""
        return at.astimezone(self._zone).date()

    def _worded(
        self, request: DecideRequest, known: Known, facts: Facts
    ) -> tuple[Facts, Settled, Words | None]:
        """The decision and its words; what may not be said is passed over for the next best."""
        stage, values = request.context.stage, request.context.values
        while True:
            settled = settle(facts)
            if settled.chosen is None:
                return facts, settled, None
            candidate = settled.chosen.candidate
            words = self._menu.words(candidate, known.row, stage, values)
            found = self._content.check(
                words.chinese, channel=candidate.channel, kind=candidate.kind
            ).findings
            if not found:
                return facts, settled, words
            blocks = list(facts.blocks)
            said = Gate("content", False, found[0].chinese, found[0].english)
            blocks[list(facts.candidates).index(candidate)] = said
            facts = replace(facts, blocks=blocks)

    def _action(
        self,
        connection: Connection,
        settled: Settled,
        words: Words | None,
        planned: Mapping[Candidate, Wanted],
        decision_id: str,
        at: datetime,
    ) -> Action | None:
        """The contact with its place and its words."""
        if settled.chosen is None or words is None:
            return None
        candidate = settled.chosen.candidate
        wanted = replace(planned[candidate], message=words.chinese)
        place = self._caps.reserve(connection, wanted, at, decision_id=decision_id)
        if isinstance(place, Refusal):  # the same transaction has just said otherwise
            raise AssertionError(f"{candidate.key} is refused by {place.rule}")
        return told.action(candidate, place, words)

    def _answer(
        self,
        request: DecideRequest,
        known: Known,
        facts: Facts,
        settled: Settled,
        action: Action | None,
        decision_id: str,
        at: datetime,
    ) -> DecideResponse:
        others: list[Judged] = [one for one in settled.judged if one is not settled.chosen]
        return DecideResponse(
            decision_id=decision_id,
            customer_id=request.customer_id,
            decision_point=request.decision_point,
            decided_at=at,
            action=action,
            reasons=told.reasons(settled),
            probability=settled.probability,
            explored=settled.drawn,
            holdout=settled.holdout,
            profile_used=facts.permission.profiling is not False,
            degraded=known.degraded,
            gates=[told.gate(one) for one in settled.customer_gates],
            alternatives=[told.option(one) for one in others[: request.alternatives]],
            predictions=dict(facts.told),
            star=self._door.star(known.row),
            tags=self._door.freshness(known.row),
            versions={
                "models": {name: served.version for name, served in known.models.items()},
                "effects": known.effect_versions,
                "touchpoints": self._menu.version,
            },
        )


def _after_quiet(block: Block | None) -> datetime | None:
    """The end of the quiet hours, where they are what holds a contact back."""
    quiet = block is not None and block.rule.startswith("quiet_hours.")
    return block.clears_at if block is not None and quiet else None
