"""Answer `POST /decide`: gather the facts, settle them, write the decision down.

The customer's tags and the models are read first; then one transaction of the records reads
consents and contacts, settles, gives the contact its place and keeps all of it. Where the records
do not answer, nothing is decided: no contact without a record.
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from serving.content.check import load_gate
from serving.decision.core import DecisionResult, settle
from serving.decision.gates import Gate
from serving.decision.gather import Gathered, Gatherer
from serving.decision.schemas import DecideRequest, DecideResponse
from serving.decision.touchpoint_menu import ContactText, TouchpointMenu
from serving.decision.write import Settled, write
from serving.predictions.service import PredictionService
from serving.records.contacts.caps import Caps
from serving.records.contacts.contact_caps import load_contact_caps
from serving.records.contacts.decisions import repeated_decision
from serving.records.database import WAIT_SECONDS, Records, lock_customer


class Decider:
    """Decide; loaded before the first request, shared by threads.

    Parameters
    ----------
    service : PredictionService
        Tags and predictions.
    records : Records
        Where decisions and contacts are kept.
    menu : TouchpointMenu
        The touchpoints.
    """

    def __init__(self, service: PredictionService, records: Records, menu: TouchpointMenu) -> None:
        lake = service.lake
        self._service, self._records, self._menu = service, records, menu
        self._caps = Caps(load_contact_caps(lake.home), lake.settings.timezone)
        self._content = load_gate(lake.home)
        self.gatherer = Gatherer(service, menu, self._caps)

    @property
    def is_local(self) -> bool:
        """Whether all it asks is a file of this machine that answers."""
        return self._service.is_local and self._records.is_local

    def refresh(self) -> None:
        """Take up what was learned anew since the service started."""
        self.gatherer.refresh()

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
        request : DecideRequest
            Who, where, and what the touchpoint knows.
        at : datetime
            Now.
        branches : collection of str, optional
            The caller sees customers of these alone; others are unknown to them.
        subject : str
            Who asks: client keys are their own.
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
        customer = self.gatherer.read_customer(request, at, branches)
        content = request.model_dump(mode="json", exclude={"client_key"})
        key = request.client_key and f"{subject} {request.client_key}"
        with self._records.writing(seconds) as connection:
            lock_customer(connection, request.customer_id)
            earlier = repeated_decision(connection, key, content)
            if earlier is not None:
                return DecideResponse.model_validate(earlier["document"]["answer"])
            gathered = self.gatherer.gather(connection, request, customer, at)
            gathered, result, text = self._settle(request, gathered)
            settled = Settled(request, subject, at, customer, gathered, result, text)
            return write(connection, self._caps, settled, content, key)

    def _settle(
        self, request: DecideRequest, gathered: Gathered
    ) -> tuple[Gathered, DecisionResult, ContactText | None]:
        """Settle the facts; what may not be said is passed over for the next best."""
        stage, values = request.context.stage, request.context.values
        while True:
            facts = gathered.facts
            result = settle(facts)
            if result.chosen is None:
                return gathered, result, None
            candidate = result.chosen.candidate
            text = self._menu.text(candidate, facts.tags, stage, values)
            findings = self._content.check(
                text.chinese, channel=candidate.channel, kind=candidate.kind
            ).findings
            if not findings:
                return gathered, result, text
            blocks = list(facts.blocks)
            gate = Gate("content", False, findings[0].chinese, findings[0].english)
            blocks[facts.candidates.index(candidate)] = gate
            gathered = replace(gathered, facts=replace(facts, blocks=blocks))
