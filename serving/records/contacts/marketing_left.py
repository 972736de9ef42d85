"""Say how many marketing contacts the caps leave a customer, whatever they would be about."""

from dataclasses import dataclass
from datetime import date

from serving.records.contacts.cap_rules import fits
from serving.records.contacts.contact_caps import ContactCaps
from serving.records.contacts.history import History


@dataclass(frozen=True)
class MarketingBounds:
    """The caps on marketing contacts of any kind, as plain values: they are asked at each decision.

    Parameters
    ----------
    bounds : tuple of (bool, int, int)
        For each rule whether service contacts count too, the most contacts, and the days of its
        window.
    strictest : int or None
        The fewest that a rule allows a customer without contacts; None: there is no rule.
    """

    bounds: tuple[tuple[bool, int, int], ...]
    strictest: int | None

    def left(self, history: History, day: date) -> int | None:
        """Count the marketing contacts that the caps leave a customer on a day, by any channel.

        Parameters
        ----------
        history : History
            The customer's history.
        day : date
            Civil day of the customer.
        """
        if not history.contacts or self.strictest is None:
            return self.strictest
        return min(self._left(history, day, *bound) for bound in self.bounds)

    @staticmethod
    def _left(history: History, day: date, all_count: bool, most: int, width: int) -> int:
        """Count how many contacts of a day fit under one rule."""
        counted = [
            contact.days
            for contact in history.contacts
            if all_count or contact.purpose == "marketing"
        ]
        beyond = (
            number
            for number in range(most)
            if not fits(counted, day.toordinal(), width, most - number)
        )
        return next(beyond, most)


def marketing_bounds(caps: ContactCaps) -> MarketingBounds:
    """Collect the caps that bind every marketing contact, not one channel, family or campaign."""
    bounds = tuple(
        (rule.purpose is None, rule.most, rule.days)
        for rule in caps.rules.values()
        if rule.purpose != "service" and not (rule.channel or rule.family or rule.campaign)
    )
    return MarketingBounds(bounds, min((most for _, most, _ in bounds), default=None))
