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
from serving.records.database import LONG_SECONDS, Records
from serving.records.people.consents import Consent, latest_consent
from serving.records.tables import consent_changes, contacts, outcomes

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
        How far back contacts and refusals count.
    """

    def __init__(
        self, records: Records, begin: datetime, end: datetime, longest: timedelta
    ) -> None:
        self._contacts: dict[str, list[tuple[datetime, CountedContact]]] = defaultdict(list)
        self._refusals: dict[str, list[tuple[datetime, str]]] = defaultdict(list)
        self._consents: dict[str, list[tuple[datetime, str | None, Consent]]] = defaultdict(list)
        with records.reading(LONG_SECONDS) as connection:
            contacts_made = select(
                _k.customer_id, _k.reserved_at, _k.planned_day, _k.local_day, _k.channel,
                _k.purpose, _k.family, _k.campaign, _k.decision_id,
            ).where(_k.state != "released", _k.reserved_at < end,
                    _k.local_day >= (begin - longest).date())  # fmt: skip
            for row in connection.execute(contacts_made):
                if row.decision_id is not None and row.reserved_at >= begin:
                    continue
                days = frozenset((row.planned_day.toordinal(), row.local_day.toordinal()))
                counted = CountedContact(days, row.channel, row.purpose, row.family, row.campaign)
                self._contacts[row.customer_id].append((row.reserved_at, counted))
            refused = select(_o.customer_id, _o.recorded_at, _o.kind).where(
                _o.kind.in_(REFUSALS), _o.recorded_at < end, _o.recorded_at >= begin - longest
            )
            for customer, at, kind in connection.execute(refused):
                self._refusals[customer].append((at, kind))
            changed = select(
                _c.customer_id, _c.recorded_at, _c.channel, _c.granted, _c.changed_at
            ).where(_c.purpose == "marketing", _c.recorded_at < end)
            for customer, at, channel, granted, changed_at in connection.execute(changed):
                consent = Consent(granted, changed_at)
                self._consents[customer].append((at, channel, consent))

    def add(self, customer_id: str, at: datetime, day: date, traits: Any) -> None:
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
        """
        counted = CountedContact(
            frozenset((day.toordinal(),)),
            traits.channel,
            traits.purpose,
            traits.family,
            traits.campaign,
        )
        self._contacts[customer_id].append((at, counted))

    def history(self, customer_id: str, at: datetime, rules: ContactCaps) -> History:
        """Return what the caps look at, as known at an instant.

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
        return History(tuple(known), last, self._marketing(customer_id, at))

    def _marketing(self, customer_id: str, at: datetime) -> dict[str | None, Consent]:
        by_channel: dict[str | None, list[Consent]] = defaultdict(list)
        for when, channel, consent in self._consents.get(customer_id, ()):
            if when < at:
                by_channel[channel].append(consent)
        return {channel: latest_consent(consents) for channel, consents in by_channel.items()}
