"""Check the gates of a list's contact for many customers, and value it, as `/decide` does for one.

Consents, contacts and prices are read from the records in a handful of statements, whatever the
number of customers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from features.contracts.vocabulary import CONTACT_CHANNEL_LABELS
from features.erased import Erased, erasure_key, pseudonym
from features.lake import Lake
from features.settings import cutoff
from serving.decision.candidates import Value
from serving.decision.gates import (
    Gate,
    check_contact,
    check_customer,
    check_other_campaign,
    check_profiling,
)
from serving.decision.inputs import (
    BRANCH,
    GATE_TAGS,
    VALUE_TAGS,
    gate_of,
    permission_of,
    read_words,
)
from serving.decision.lots import in_holdout
from serving.decision.worth.effects import Effects
from serving.decision.worth.policy import load_policy
from serving.decision.worth.value import RECENT_CONTACTS, value_candidate
from serving.lists.contact import CampaignOf, at_work, contact_of, nobody_else
from serving.lists.definitions.definition import ListDefinition
from serving.lists.rules import RULES
from serving.lists.source import CORE
from serving.predictions.scores_file import MARGIN
from serving.records.contacts.cap_rules import plan
from serving.records.contacts.capacity import prices_on
from serving.records.contacts.caps import Caps
from serving.records.contacts.contact_caps import load_contact_caps
from serving.records.contacts.history import History, contact_histories
from serving.records.people.consents import Consents, CoreSystemConsents, resolve_consents
from training.models import MODELS

Row = Mapping[str, Any]
EMPTY = History((), {}, {})


@dataclass(frozen=True)
class Checked:
    """What the gates say of a customer.

    Attributes
    ----------
    gates : list of Gate
        Every gate, passed or not.
    rule : str or None
        The rule (`serving.lists.rules`) that takes the customer; None: none does.
    holdout : bool
        Whether the holdout alone holds them back.
    consents : Consents
        The consents that hold.
    """

    gates: list[Gate]
    rule: str | None
    holdout: bool
    consents: Consents


class Gatekeeper:
    """The gates of one list at one instant.

    Parameters
    ----------
    lake : Lake
        The home.
    definition : ListDefinition
        The list: its channel and its touchpoint.
    as_of : date
        Date of the tags; the holdout is that of the next day, on which the list is worked.
    at : datetime
        Now.
    connection : Connection, optional
        Of the records. Default: nothing is on record.
    campaign_of : callable
        Says who is in a campaign of higher priority.

    Raises
    ------
    GuanjiaError
        If the touchpoint is unknown or cannot be made by the channel, or a file of the home has a
        fault.
    """

    def __init__(
        self,
        lake: Lake,
        definition: ListDefinition,
        as_of: date,
        at: datetime,
        connection: Connection | None = None,
        campaign_of: CampaignOf = nobody_else,
    ) -> None:
        self._lake, self._at, self._connection = lake, at, connection
        self._caps = Caps(load_contact_caps(lake.home), lake.settings.timezone)
        self._campaign_of = campaign_of
        self.policy = load_policy(lake.home)
        self.candidate = contact_of(lake, definition)
        self._effects = Effects(lake)
        self._closes = cutoff(as_of, lake.settings.timezone)
        self._cycle = self.policy.cycle(at_work(as_of))
        self._consented = lake.has("consents")
        self._fresh: dict[tuple[Any, ...], Consents] = {}
        self._alike: dict[tuple[Any, ...], Checked] = {}
        day = at.astimezone(ZoneInfo(lake.settings.timezone)).date()
        rows = prices_on(connection, day) if connection is not None else []
        channel = definition.channel
        self._prices = {row.branch: row.price for row in rows if row.channel == channel}

    @property
    def tags(self) -> list[str]:
        """Tags that gates and value read."""
        return list(dict.fromkeys([*GATE_TAGS, *VALUE_TAGS, *self._effects.tags]))

    def check(self, rows: Sequence[Row]) -> list[Checked]:
        """Check every gate of customers, in their order; see `match_query` for their columns."""
        key = erasure_key(self._lake.settings)
        marks = {row["customer_id"]: pseudonym(key, row["customer_id"]) for row in rows}
        histories = self._histories(marks)
        gone = Erased(self._lake.settings).among(marks)
        busy = self._campaign_of(marks)
        return [
            self._check_one(
                row,
                histories.get(row["customer_id"]),
                erased=row["customer_id"] in gone,
                campaign=busy.get(row["customer_id"]),
            )
            for row in rows
        ]

    def value(self, row: Row, checked: Checked) -> Value | None:
        """Value the contact with a customer in yuan, as `/decide` values it.

        Parameters
        ----------
        row : mapping of str to object
            The customer's scores and tags.
        checked : Checked
            What the gates said.
        """
        profiled = checked.consents.profiling is not False
        effects = self._effects.lower_bounds(self.policy.neutral_tags(row)) if profiled else {}
        return value_candidate(
            self.candidate,
            self.policy,
            row,
            {name: row.get(name) for name in MODELS},
            effects,
            margin=row.get(MARGIN),
            recent_contacts=row.get(RECENT_CONTACTS) or 0,
            capacity_price=self._prices.get(row["branch"] or "", 0.0),
        )

    def _histories(self, marks: Mapping[str, str]) -> dict[str, History]:
        if self._connection is None or not marks:
            return {}
        since, cooling = self._caps.reach(self._at)
        return contact_histories(self._connection, marks, self._at, since, cooling)

    def _check_one(
        self, row: Row, history: History | None, *, erased: bool, campaign: str | None
    ) -> Checked:
        """Check one customer; of those without history, many have the same facts and answer."""
        drawn = in_holdout(
            self.policy.salt, row["customer_id"], self._cycle, self.policy.holdout_share
        )
        facts = {name: row[name] for name in GATE_TAGS}
        consents, core = self._consents(row, history)
        if history is not None:
            return self._checked(facts, consents, self._block(facts, history, core), drawn=drawn,
                                 erased=erased, campaign=campaign)  # fmt: skip
        channels = frozenset(consents.channels.items())
        permission = (consents.marketing, consents.profiling, consents.location, channels)
        key = (*facts.values(), permission, drawn, erased, campaign)
        if key not in self._alike:
            block = self._block(facts, None, core)
            self._alike[key] = self._checked(
                facts, consents, block, drawn=drawn, erased=erased, campaign=campaign
            )
        return self._alike[key]

    def _checked(
        self,
        facts: Row,
        consents: Consents,
        block: Gate | None,
        *,
        drawn: bool,
        erased: bool,
        campaign: str | None,
    ) -> Checked:
        """Check every gate by the facts that gates read.

        Parameters
        ----------
        facts : mapping of str to object
            The customer's `GATE_TAGS`.
        consents : Consents
            The consents that hold.
        block : Gate or None
            The cap that holds the contact back.
        drawn, erased : bool
            Whether the holdout has the customer; whether they were erased.
        campaign : str or None
            The campaign that has them.
        """
        permission = permission_of(consents)
        customer_gates = check_customer(facts, holdout=drawn)
        own = check_contact(self.candidate, facts, permission, customer_gates, block).gates
        known = {gate.name for gate in own}
        gates = [
            check_profiling(permission),
            *own,
            *(gate for gate in customer_gates if gate.name not in known),
            check_other_campaign(campaign),
        ]
        failed = {_rule_of(gate, consents) for gate in gates if not gate.passed}
        if erased:
            failed.add("erased")
        rule = next((name for name in RULES if name in failed), None)
        return Checked(gates, rule, failed == {"holdout"}, consents)

    def _block(
        self, facts: Row, history: History | None, core: CoreSystemConsents | None
    ) -> Gate | None:
        """Find the cap that holds the contact back."""
        contact = self.candidate
        traits = self._caps.traits(
            contact.family, contact.kind, contact.channel, None, facts[BRANCH]
        )
        known = EMPTY if history is None or core is None else history.with_later(core)
        return gate_of(plan(self._caps.rules, known, traits, self._at))

    def _core(self, row: Row) -> CoreSystemConsents:
        """Read from a row what the core system knows of the customer's consents."""
        changed = {
            purpose: row[f"{CORE}{purpose}_at"]
            for purpose in ("marketing", "profiling")
            if row[f"{CORE}{purpose}_at"] is not None
        }
        words = read_words(row[f"{CORE}channels"])
        marketing, opted_out = self._marketing(row)
        return CoreSystemConsents(
            known_until=self._closes,
            marketing=marketing,
            profiling=row[f"{CORE}profiling"],
            opted_out=opted_out,
            changed_at=changed,
            channels={channel: word for (_, channel), word in words.items() if channel},
        )

    def _marketing(self, row: Row) -> tuple[bool | None, frozenset[str]]:
        """Read the core system's consent to marketing, and the channels opted out of."""
        opted_out = frozenset(row[f"{CORE}opted_out"] or ())
        if self._consented:
            return row[f"{CORE}marketing"], opted_out
        # An opt-out of any channel is the only word on marketing that there is.
        return True, opted_out and frozenset(CONTACT_CHANNEL_LABELS)

    def _consents(
        self, row: Row, history: History | None
    ) -> tuple[Consents, CoreSystemConsents | None]:
        """Resolve the consents that hold, and return what the core system says, if it was read."""
        if history is None and not row[f"{CORE}channels"]:
            marketing, opted_out = self._marketing(row)
            known_consents = (marketing, row[f"{CORE}profiling"], opted_out)
            if known_consents not in self._fresh:
                self._fresh[known_consents] = resolve_consents((), self._at, self._core(row))
            return self._fresh[known_consents], None
        core = self._core(row)
        records = history.consent_records if history is not None else ()
        return resolve_consents(records, self._at, core), core


def _rule_of(gate: Gate, consents: Consents) -> str:
    """Name the rule of a gate that is not passed; every cap is one rule."""
    if gate.name == "consent":
        return "opted_out" if consents.marketing else "consent"
    return gate.name if gate.name in RULES else "caps"
