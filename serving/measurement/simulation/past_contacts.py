"""Hold what the caps count in a world in which other contacts were made than in the records.

Contacts of the decisions that are made again are left out; whoever simulates adds its own. All
other contacts, refusals and consents are those of the records, from when these learned of them.
"""

from collections import defaultdict
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select

from serving.records.contacts.contact_caps import ContactCaps
from serving.records.contacts.history import CountedContact, History
from serving.records.contacts.made_contacts import IS_MADE, MADE_AT
from serving.records.database import LONG_SECONDS, Records
from serving.records.people.consents import Consent, latest_consent
from serving.records.tables import consent_changes, contacts, outcomes
from serving.touchpoints.endings import ENDINGS, Won

REFUSALS = ("refused", "opted_out")
_k, _o, _c = contacts.c, outcomes.c, consent_changes.c


class PastContacts:
    """Contacts, refusals and consents of all customers in a span of time.

    Parameters
    ----------
    records : Records
        The records.
    begin, end : datetime
        Decisions in between are made again: their contacts are left out.
    longest : timedelta
        How far back contacts, refusals, and outcomes that end touchpoints count.
    """

    def __init__(
        self, records: Records, begin: datetime, end: datetime, longest: timedelta
    ) -> None:
        self._contacts: dict[str, list[tuple[datetime, CountedContact]]] = defaultdict(list)
        self._refusals: dict[str, list[tuple[datetime, str]]] = defaultdict(list)
        self._consents: dict[str, list[tuple[datetime, str | None, Consent]]] = defaultdict(list)
        self._made: dict[str, list[tuple[datetime, str, datetime]]] = defaultdict(list)
        self._won: dict[str, list[tuple[datetime, Won]]] = defaultdict(list)
        with records.reading(LONG_SECONDS) as connection:
            contacts_made = select(
                _k.customer_id, _k.reserved_at, _k.planned_day, _k.local_day, _k.channel,
                _k.purpose, _k.family, _k.campaign, _k.decision_id, _k.touchpoint,
                MADE_AT.label("made_at"), IS_MADE.label("is_made"),
            ).where(_k.state != "released", _k.reserved_at < end,
                    _k.local_day >= (begin - longest).date())  # fmt: skip
            for row in connection.execute(contacts_made, {"at": begin}):
                if row.decision_id is not None and row.reserved_at >= begin:
                    continue
                days = frozenset((row.planned_day.toordinal(), row.local_day.toordinal()))
                counted = CountedContact(days, row.channel, row.purpose, row.family, row.campaign)
                self._contacts[row.customer_id].append((row.reserved_at, counted))
                if row.is_made:
                    contact = row.reserved_at, row.touchpoint, row.made_at
                    self._made[row.customer_id].append(contact)
            reported = select(
                _o.customer_id, _o.recorded_at, _o.kind, _o.occurred_at, _k.touchpoint
            ).select_from(outcomes.outerjoin(contacts, _k.contact_id == _o.contact_id)).where(
                _o.kind.in_((*REFUSALS, *ENDINGS)),
                _o.recorded_at < end, _o.recorded_at >= begin - longest,
            )  # fmt: skip
            for customer, at, kind, occurred_at, touchpoint in connection.execute(reported):
                if kind in REFUSALS:
                    self._refusals[customer].append((at, kind))
                else:
                    self._won[customer].append((at, Won(kind, touchpoint, occurred_at)))
            changed = select(
                _c.customer_id, _c.recorded_at, _c.channel, _c.granted, _c.changed_at
            ).where(_c.purpose == "marketing", _c.recorded_at < end)
            for customer, at, channel, granted, changed_at in connection.execute(changed):
                consent = Consent(granted, changed_at)
                self._consents[customer].append((at, channel, consent))

    def add(
        self,
        customer_id: str,
        at: datetime,
        day: date,
        traits: Any,
        touchpoint: str,
        made_at: datetime,
    ) -> None:
        """Add a contact that the simulated world made.

        Parameters
        ----------
        customer_id : str
            The customer.
        at : datetime
            When it was decided on.
        day : date
            Civil day on which it is made.
        traits : ContactTraits
            Its channel, purpose, family and campaign.
        touchpoint : str
            Its touchpoint.
        made_at : datetime
            When it is made.
        """
        counted = CountedContact(
            frozenset((day.toordinal(),)),
            traits.channel,
            traits.purpose,
            traits.family,
            traits.campaign,
        )
        self._contacts[customer_id].append((at, counted))
        self._made[customer_id].append((at, touchpoint, made_at))

    def history(self, customer_id: str, at: datetime, rules: ContactCaps) -> History:
        """Return what the caps and what is due look at, as known at an instant.

        Parameters
        ----------
        customer_id : str
            The customer.
        at : datetime
            When a contact would be decided on.
        rules : ContactCaps
            The rules, which say how long a refusal counts.
        """
        cooling = timedelta(
            days=max(rules.cooling_off.refused_days, rules.cooling_off.opted_out_days)
        )
        known = [contact for when, contact in self._contacts.get(customer_id, ()) if when < at]
        last: dict[str, datetime] = {}
        for when, kind in self._refusals.get(customer_id, ()):
            if at - cooling < when < at:
                last[kind] = max(when, last.get(kind, when))
        last_contacts: dict[str, datetime] = {}
        for when, touchpoint, made_at in self._made.get(customer_id, ()):
            if when < at:
                last_contacts[touchpoint] = max(made_at, last_contacts.get(touchpoint, made_at))
        won = tuple(outcome for when, outcome in self._won.get(customer_id, ()) if when < at)
        marketing = self._marketing(customer_id, at)
        return History(tuple(known), last, marketing, last_contacts=last_contacts, won=won)

    def _marketing(self, customer_id: str, at: datetime) -> dict[str | None, Consent]:
        by_channel: dict[str | None, list[Consent]] = defaultdict(list)
        for when, channel, consent in self._consents.get(customer_id, ()):
            if when < at:
                by_channel[channel].append(consent)
        return {channel: latest_consent(consents) for channel, consents in by_channel.items()}
