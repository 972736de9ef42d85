"""Answer `POST /decide`: gather the facts, settle them, write the decision.

The customer's tags and the models are read first; then one transaction of the records reads
consents and contacts, settles, reserves the contact and stores all of it. If the records do not
answer, nothing is decided: no contact without a record.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from serving.content.check import Finding, load_content_check
from serving.decision.candidates import Candidate
from serving.decision.contact_text import ContactText, Speech
from serving.decision.core import DecisionResult, settle_worded
from serving.decision.gates import Gate
from serving.decision.gather import Gatherer
from serving.decision.inputs import BRANCH, DecisionInputs
from serving.decision.record_frames import RecordFrames
from serving.decision.reports.count import count_decision
from serving.decision.schemas import DecideRequest, DecideResponse, check_context
from serving.decision.touchpoint_source import TouchpointSource
from serving.decision.write import SettledDecision, write
from serving.predictions.service import PredictionService
from serving.records.contacts.caps import Caps
from serving.records.contacts.contact_caps import load_contact_caps
from serving.records.contacts.decisions import repeated_decision
from serving.records.database import WAIT_SECONDS, Records, lock_customer
from serving.records.idempotency import caller_key
from serving.telemetry.tracing import span
from serving.touchpoints.tag_days import tags_on


class Decider:
    """Make decisions; loaded before the first request, shared by threads.

    Parameters
    ----------
    service : PredictionService
        Tags and predictions.
    records : Records
        Where decisions and contacts are stored.
    touchpoints : TouchpointSource
        The touchpoints of the home.
    """

    def __init__(
        self, service: PredictionService, records: Records, touchpoints: TouchpointSource
    ) -> None:
        lake = service.lake
        self._service, self._records, self._touchpoints = service, records, touchpoints
        self._caps = Caps(load_contact_caps(lake.home), lake.settings.timezone)
        self._content = load_content_check(lake.home)
        self.gatherer = Gatherer(service, touchpoints, self._caps)
        self._frames = RecordFrames(records, touchpoints, self.gatherer.policy)

    @property
    def is_local(self) -> bool:
        """True if tags and records are local SQLite files that answer: no network, no lake."""
        return self._service.is_local and self._records.is_local

    def refresh(self) -> None:
        """Load effect models and weather warnings that are new since the last refresh."""
        self.gatherer.refresh()
        self._touchpoints.refresh()

    def decide(
        self,
        request: DecideRequest,
        at: datetime,
        branches: Collection[str] | None = None,
        subject: str = "",
        seconds: float = WAIT_SECONDS,
        certain: datetime | None = None,
    ) -> DecideResponse:
        """Decide, reserve the contact and store the decision.

        Parameters
        ----------
        request : DecideRequest
            The customer, the decision point, and what the caller knows.
        at : datetime
            Now, with a time zone.
        branches : collection of str, optional
            Branches whose customers the caller sees; others are unknown to them. Default: all.
        subject : str
            The caller; a client key is unique per caller.
        seconds : float
            How long to wait for the records.
        certain : datetime, optional
            The instant by which reservations expire, where the clock may have jumped ahead
            (`serving.clock.certain`). Default: `at`.

        Raises
        ------
        UnknownCustomerError, UnknownNameError
            If the customer or the decision point is not known.
        UnknownWordError
            If the context names a channel, a stage, an event or a variable that there is not.
        ClientKeyConflictError
            If the client key was sent before with another request.
        RecordsAwayError
            If the records do not answer: then nothing was decided.
        GuanjiaError
            If neither the online store nor the snapshot can be read.
        """
        check_context(request.context, self._touchpoints.variables)
        customer = self.gatherer.read_customer(request, at, branches)
        frame = self._frames.stored(customer, at, seconds)
        content = request.model_dump(mode="json", exclude={"client_key"})
        key = request.client_key and caller_key(subject, request.client_key)
        with self._records.writing(seconds) as connection:
            with span("records"):
                lock_customer(connection, request.customer_id)
                earlier = repeated_decision(connection, key, content)
                if earlier is not None:
                    return DecideResponse.model_validate(earlier["document"]["answer"])
                inputs = self.gatherer.gather(connection, request, customer, at, certain)
            with span("settle"):
                inputs, result, text = self._settle(request, inputs)
            with span("write"):
                settled = SettledDecision(request, subject, at, customer, inputs, result, text)
                answer = write(connection, self._caps, settled, content, key, frame)
        # A transaction that failed at its end has decided nothing.
        count_decision(self._caps, inputs, result, answer)
        return answer

    def preview(
        self,
        request: DecideRequest,
        at: datetime,
        branches: Collection[str] | None = None,
        certain: datetime | None = None,
    ) -> tuple[DecisionResult, ContactText | None]:
        """Settle what `decide` would decide now; nothing is reserved, counted or recorded.

        Parameters
        ----------
        request : DecideRequest
            The customer, the decision point, and what the caller knows.
        at : datetime
            Now, with a time zone.
        branches : collection of str, optional
            Branches whose customers the caller sees; others are unknown to them. Default: all.
        certain : datetime, optional
            The instant by which reservations expire, as `decide` takes it.

        Returns
        -------
        result : DecisionResult
            The contact that would be chosen, or silence, and everything that was weighed.
        text : ContactText or None
            What the contact would say; None for silence.

        Raises
        ------
        UnknownCustomerError, UnknownNameError, UnknownWordError, RecordsAwayError
            As `decide` does.
        """
        check_context(request.context, self._touchpoints.variables)
        customer = self.gatherer.read_customer(request, at, branches)
        # Reservations that ended are released while facts are gathered: not by a look.
        with self._records.undoing() as connection:
            lock_customer(connection, request.customer_id)
            inputs = self.gatherer.gather(connection, request, customer, at, certain)
        _, result, text = self._settle(request, inputs)
        return result, text

    def read_texts(
        self,
        request: DecideRequest,
        candidates: Sequence[Candidate],
        at: datetime,
        branches: Collection[str] | None = None,
    ) -> list[tuple[Candidate, ContactText | None, Gate | None]]:
        """Fill in and check scripts for a customer, whether they are due or not.

        As `decide` would today, of no decision point; nothing is recorded.

        Parameters
        ----------
        request : DecideRequest
            The customer, and what the caller knows.
        candidates : sequence of Candidate
            Whose scripts are read.
        at : datetime
            Now, with a time zone.
        branches : collection of str, optional
            Branches whose customers the caller sees. Default: all.

        Returns
        -------
        list of (Candidate, ContactText or None, Gate or None)
            The text, None where something is not known; and why it may not be sent.

        Raises
        ------
        UnknownCustomerError
            If the customer is not known.
        """
        tags = self.gatherer.read_customer(request, at, branches).tags
        details = self.gatherer.details(request.customer_id)
        day = at.astimezone(self._caps.zone(tags[BRANCH])).date()
        context = request.context
        speech = Speech(
            None, day, context.stage, details, context.values, self._touchpoints.occasions
        )
        read = []
        for candidate in candidates:
            text = self._touchpoints.text(candidate, tags_on(tags, day), speech)
            gate = self._text_gate(text, candidate)
            read.append((candidate, text if isinstance(text, ContactText) else None, gate))
        return read

    def _settle(
        self, request: DecideRequest, inputs: DecisionInputs
    ) -> tuple[DecisionInputs, DecisionResult, ContactText | None]:
        """Settle the facts; a script that may not be sent blocks its candidate."""
        context = request.context

        def read(candidate: Candidate) -> tuple[ContactText | list[str], Gate | None]:
            speech = Speech(
                request.decision_point,
                inputs.contact_day(candidate),
                context.stage,
                inputs.details,
                context.values,
                self._touchpoints.occasions,
            )
            text = self._touchpoints.text(candidate, inputs.contact_tags(candidate), speech)
            return text, self._text_gate(text, candidate)

        facts, result, text = settle_worded(inputs.facts, read)
        chosen = text if isinstance(text, ContactText) else None
        return replace(inputs, facts=facts), result, chosen

    def _text_gate(self, text: ContactText | list[str], candidate: Candidate) -> Gate | None:
        """Check whether there is a text, and whether it may be sent; None: both."""
        if not isinstance(text, ContactText):
            labels = "、".join(self._touchpoints.texts.label(name) for name in text)
            return Gate("words", False, f"话术缺少{labels}", f"the text needs {', '.join(text)}")
        findings = self._find_faults(text, candidate)
        if not findings:
            return None
        worst = min(findings, key=lambda finding: finding.severity != "block")
        return Gate("content", False, worst.chinese, worst.english)

    def _find_faults(self, text: ContactText, candidate: Candidate) -> list[Finding]:
        """Check a script in both languages, and by itself whatever the caller put into it."""
        checked = self._content.check(
            text.message, channel=candidate.channel, kind=candidate.kind, phones=text.phones
        )
        findings = list(checked.findings)
        for other in (text.english, *text.values):
            findings += self._content.search(other, phones=text.phones)
        return findings
