"""Check the gates of a list's contact for many customers, and value it, as `/decide` does for one.

Consents, contacts and prices are read from the records in a handful of statements, whatever the
number of customers.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from features.contracts.vocabulary import CONTACT_CHANNEL_LABELS
from features.erased import Erased, erasure_key, pseudonym
from features.errors import UnknownNameError, did_you_mean
from features.lake import Lake
from features.settings import cutoff
from features.tags.relations.touchpoint_families import OTHER
from serving.campaigns.membership import taken_customers
from serving.decision.candidates import Candidate, Value
from serving.decision.gates import (
    Gate,
    check_contact,
    check_customer,
    check_other_campaign,
    check_profiling,
)
from serving.decision.inputs import (
    GATE_TAGS,
    VALUE_TAGS,
    gate_of,
    permission_of,
    read_words,
)
from serving.decision.lots import in_holdout
from serving.decision.touchpoint_source import TouchpointSource
from serving.decision.worth.effects import Effects
from serving.decision.worth.policy import load_policy
from serving.decision.worth.value import RECENT_CONTACTS, value_candidate
from serving.lists.definitions.definition import ListDefinition, ListDefinitionError
from serving.lists.rules import RULES
from serving.lists.source import CORE
from serving.predictions.scores_file import MARGIN
from serving.records.contacts.cap_rules import plan
from serving.records.contacts.capacity import prices_on
from serving.records.contacts.caps import Caps
from serving.records.contacts.contact_caps import load_contact_caps
from serving.records.contacts.history import History, contact_histories
from serving.records.people.consents import Consents, CoreSystemConsents, resolve_consents
from serving.touchpoints.catalogue import load_touchpoints
from training.models import MODELS

Row = Mapping[str, Any]
CampaignOf = Callable[[Collection[str]], Mapping[str, str]]
"""Says which of some customers are in a campaign of higher priority, and in which."""
EMPTY = History((), {}, {})


def nobody_else(_customers: Collection[str]) -> Mapping[str, str]:
    """Say that no campaign has any of the customers."""
    return {}


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
        self._free: dict[str | None, Gate | None] = {}
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
        core = self._core(row)
        consents = self._consents(core, history)
        permission = permission_of(consents)
        drawn = in_holdout(
            self.policy.salt, row["customer_id"], self._cycle, self.policy.holdout_share
        )
        customer_gates = check_customer(row, holdout=drawn)
        block = self._block(row["branch"], history, core)
        own = check_contact(self.candidate, row, permission, customer_gates, block).gates
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
        self,
        branch: str | None,
        history: History | None,
        core: CoreSystemConsents,
    ) -> Gate | None:
        """Find the cap that holds the contact back; nobody without history needs a new answer."""
        if history is None and branch in self._free:
            return self._free[branch]
        contact = self.candidate
        traits = self._caps.traits(contact.family, contact.kind, contact.channel, None, branch)
        known = EMPTY if history is None else history.with_later(core)
        gate = gate_of(plan(self._caps.rules, known, traits, self._at))
        if history is None:
            self._free[branch] = gate
        return gate

    def _core(self, row: Row) -> CoreSystemConsents:
        """Read from a row what the core system knows of the customer's consents."""
        changed = {
            purpose: row[f"{CORE}{purpose}_at"]
            for purpose in ("marketing", "profiling")
            if row[f"{CORE}{purpose}_at"] is not None
        }
        words = read_words(row[f"{CORE}channels"])
        opted_out = frozenset(row[f"{CORE}opted_out"] or ())
        marketing = row[f"{CORE}marketing"]
        if not self._consented:
            # An opt-out of any channel is the only word on marketing that there is.
            marketing = True
            opted_out = opted_out and frozenset(CONTACT_CHANNEL_LABELS)
        return CoreSystemConsents(
            known_until=self._closes,
            marketing=marketing,
            profiling=row[f"{CORE}profiling"],
            opted_out=opted_out,
            changed_at=changed,
            channels={channel: word for (_, channel), word in words.items() if channel},
        )

    def _consents(self, core: CoreSystemConsents, history: History | None) -> Consents:
        if history is not None and history.consent_records:
            return resolve_consents(history.consent_records, self._at, core)
        if core.channels:
            return resolve_consents((), self._at, core)
        known_consents = (core.marketing, core.profiling, core.opted_out)
        if known_consents not in self._fresh:
            self._fresh[known_consents] = resolve_consents((), self._at, core)
        return self._fresh[known_consents]


def at_work(as_of: date) -> date:
    """Return the day on which a list of a date is worked: the next one."""
    return date.fromordinal(as_of.toordinal() + 1)


def taken_by_campaigns(
    connection: Connection, definition: ListDefinition, as_of: date
) -> CampaignOf:
    """Return what says who is in a campaign of higher priority while a list is worked.

    Parameters
    ----------
    connection : Connection
        Of the records, for as long as it is asked.
    definition : ListDefinition
        The list: its days and its priority.
    as_of : date
        Date of its scores.
    """
    first = at_work(as_of)
    last = first + timedelta(days=definition.days - 1)
    return lambda customers: taken_customers(
        connection, customers, first, last, definition.priority
    )


def contact_of(lake: Lake, definition: ListDefinition) -> Candidate:
    """Build the contact of a list: that of its touchpoint, or a plain one by its channel.

    Raises
    ------
    GuanjiaError
        If the touchpoint is unknown, is no marketing, or cannot be made by the channel.
    """
    channel = definition.channel
    if definition.touchpoint is None:
        costs = {str(name): cost for name, cost in load_touchpoints(lake.home).shared.costs.items()}
        cost = float(costs[channel])
        return Candidate(
            definition.name, definition.label, OTHER, "marketing", channel, cost, definition.model
        )
    thing = f"touchpoint {definition.touchpoint}"
    every = TouchpointSource(lake).every_candidate()
    own = [contact for contact in every if contact.touchpoint == definition.touchpoint]
    if not own:
        cure = did_you_mean(definition.touchpoint, {contact.touchpoint for contact in every})
        raise UnknownNameError(thing, "is not known", cure)
    if own[0].kind != "marketing":
        cure = "leave it to `/decide`: a list would leave out whom it must reach"
        raise ListDefinitionError(thing, "is a service message", cure)
    for contact in own:
        if contact.channel == channel and contact.offer is None:
            return contact
    channels = ", ".join(dict.fromkeys(contact.channel for contact in own))
    raise ListDefinitionError(thing, f"is not made by {channel}", f"choose one of: {channels}")


def _rule_of(gate: Gate, consents: Consents) -> str:
    """Name the rule of a gate that is not passed; every cap is one rule."""
    if gate.name == "consent":
        return "opted_out" if consents.marketing else "consent"
    return gate.name if gate.name in RULES else "caps"
