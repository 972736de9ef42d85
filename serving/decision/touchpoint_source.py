"""Supply decisions with touchpoints: the candidates for a customer at a decision point."""

import hashlib
from collections.abc import Callable, Collection, Mapping
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

from features.lake import Lake
from serving.decision.candidates import Candidate, Offer
from serving.decision.contact_text import BRANCH, SOLD_BY, STAR, ContactText, ContactTexts, Speech
from serving.decision.left_out import LeftOut, Offered, ended_reservations, leave_out
from serving.records.contacts.history import History
from serving.touchpoints.catalogue import SHIPPED, Catalogue, load_touchpoints
from serving.touchpoints.due import CONTACTED, Customer, State, longest_memory, standing
from serving.touchpoints.endings import SIGNED, Past, Won, ended_touchpoints, recall
from serving.touchpoints.fields import Touchpoint
from serving.touchpoints.occasions import load_occasions

STARS = (None, 1, 2, 3, 4, 5)
"""Stars that a customer may have; None: not rated."""


class TouchpointSource:
    """The catalogue of touchpoints of a home; loaded once, shared by threads.

    Parameters
    ----------
    lake : Lake
        The home with its `touchpoints.toml`, if it has one.

    Attributes
    ----------
    tags : list of str
        Tags that conditions, windows and scripts read, those that tell what was done already, and
        the star and the sales channel.
    memory : timedelta
        How far back contacts count as made.
    version : str
        A hash of what is shipped and what the home changes.
    occasions : list of Occasion
        Holidays and warnings; replaced as a whole by `refresh`.
    texts : ContactTexts
        Fills in their scripts.
    """

    def __init__(self, lake: Lake) -> None:
        self._catalogue: Catalogue = load_touchpoints(lake.home)
        self._branches = {
            branch for places in self._catalogue.variants.values() for _, branch in places
        }
        self._home = lake.home
        self.occasions = load_occasions(self._catalogue.shared, lake.home)
        self.memory = longest_memory(self._catalogue.every_variant)
        self._actions_at: dict[tuple[str, str | None, str | None], list[_TouchpointActions]] = {}
        self.tags = self._tags()
        self.texts = ContactTexts(self._catalogue, lake.home)
        texts = [SHIPPED.read_bytes()]
        own = lake.home / SHIPPED.name
        texts += [own.read_bytes()] if own.exists() else []
        self.version = hashlib.sha256(b"\0".join(texts)).hexdigest()[:12]

    @property
    def variables(self) -> Collection[str]:
        """Names of the variables that scripts may use."""
        return self._catalogue.shared.variables.keys()

    def refresh(self) -> None:
        """Load the weather warnings again, which come and go while the service runs."""
        self.occasions = load_occasions(self._catalogue.shared, self._home)

    def candidates(
        self,
        decision_point: str,
        customer: Customer,
        stage: str | None,
        day_of: Callable[[Candidate], date],
        happened: Collection[str] = (),
        events: Mapping[tuple[str, str], datetime] = MappingProxyType({}),
        *,
        given: str | None = None,
        among: Collection[str] | None = None,
    ) -> Offered:
        """List the candidates of a decision point: each touchpoint that is due, by each channel.

        Parameters
        ----------
        decision_point : str
            Where the decision is asked for.
        customer : Customer
            What is known of the customer; tags by name, at least `self.tags`.
        stage : str or None
            Stage of the loop ("entry", ...); None: what holds for all stages.
        day_of : callable of Candidate to date
            Civil day on which a contact would be made: quiet hours can move it.
        happened : collection of str
            Kinds of events and occasions that bring the customer here.
        events : Mapping[(str, str), datetime]
            Touchpoint and kind of event -> when it occurred, where the records know it.
        given : str, optional
            A touchpoint that a campaign gives the customer, due or not.
        among : collection of str, optional
            Touchpoints to look at. Default: all of the decision point.

        Raises
        ------
        UnknownNameError
            If there is no such decision point.
        """
        tags, stale = customer.tags, False
        candidates: list[Candidate] = []
        left_out: list[LeftOut] = []
        for touchpoint in self._touchpoints_at(decision_point, tags[BRANCH], stage):
            if among is not None and touchpoint.name not in among:
                continue
            actions = touchpoint.actions(tags[STAR])
            event_at = _last_event(events, touchpoint.name, happened) if events else None
            states: dict[date, State] = {}
            for options in actions.values():
                day = day_of(options[0])
                if day not in states:
                    states[day] = standing(
                        touchpoint.name,
                        touchpoint.declared,
                        customer,
                        day,
                        occasions=self.occasions,
                        happened=happened,
                        event_at=event_at,
                    ).state
                if states[day] == "due" or (touchpoint.name == given and states[day] == "not_due"):
                    candidates += options
            seen = set(states.values())
            if "due" not in seen and seen != {"not_due"}:
                stale = stale or "stale" in seen
                first = next(iter(actions.values()))[0]
                reasons = (leave_out(first, state, customer) for state in sorted(seen))
                left_out += [reason for reason in reasons if reason is not None][:1]
        return Offered(candidates, left_out, stale)

    def ended(self, won: Won) -> list[str]:
        """List the touchpoints that an outcome ends: renewals, or those about a product."""
        return ended_touchpoints(self._catalogue, won)

    def past(self, history: History) -> Past:
        """Put together what the records know of a customer."""
        return recall(self._catalogue, history.last_contacts, history.won)

    def ended_reservations(self, customer: Customer, history: History) -> list[str]:
        """List reserved touchpoints whose renewal was signed since, as the tags know by now."""
        if not history.reserved:
            return []
        return ended_reservations(self._catalogue, customer, history, self.occasions)

    def every_candidate(self) -> list[Candidate]:
        """List each candidate that there may be, of any decision point, branch and star, once."""
        catalogue = self._catalogue
        return list(
            dict.fromkeys(
                candidate
                for place in catalogue.shared.decision_points
                for name, variants in catalogue.variants.items()
                for declared in variants.values()
                if declared is not None
                for star in STARS
                for options in _TouchpointActions(catalogue, place, name, declared)
                .actions(star)
                .values()
                for candidate in options
            )
        )

    def actions_at(
        self, decision_point: str, branch: str | None, stage: str | None, star: int | None
    ) -> dict[str, list[Candidate]]:
        """List the candidates of every touchpoint of a decision point, due or not.

        Parameters
        ----------
        decision_point : str
            Where a decision is asked for.
        branch : str or None
            The customer's branch.
        stage : str or None
            Stage of the loop.
        star : int or None
            The customer's star.

        Returns
        -------
        dict of str to list of Candidate
            By touchpoint.
        """
        return {
            touchpoint.name: [
                candidate for options in touchpoint.actions(star).values() for candidate in options
            ]
            for touchpoint in self._touchpoints_at(decision_point, branch, stage)
        }

    def _touchpoints_at(
        self, decision_point: str, branch: str | None, stage: str | None
    ) -> "list[_TouchpointActions]":
        """Look up the touchpoints of a decision point for customers of a branch and stage."""
        # Few branches differ from the others; the service meets the names of all of them.
        place = decision_point, branch if branch in self._branches else None, stage
        if place not in self._actions_at:
            self._actions_at[place] = [
                _TouchpointActions(self._catalogue, decision_point, name, touchpoint)
                for name, touchpoint in self._catalogue.candidates_at(*place).items()
            ]
        return self._actions_at[place]

    def text(
        self, candidate: Candidate, tags: Mapping[str, Any], speech: Speech
    ) -> ContactText | list[str]:
        """Fill in the script of a candidate.

        Parameters
        ----------
        candidate, tags, speech
            As `ContactTexts.text` takes them; so is the answer.
        """
        return self.texts.text(candidate, tags, speech)

    def is_inbound(self, decision_point: str) -> bool:
        """Check whether the customer came to us there, and is reached already.

        Raises
        ------
        UnknownNameError
            If there is no such decision point.
        """
        return self._catalogue.decision_point(decision_point).inbound

    def _tags(self) -> list[str]:
        """List the tags that the touchpoints read, each once."""
        tags = [STAR, SOLD_BY, BRANCH, CONTACTED, SIGNED]
        for touchpoint in self._catalogue.every_variant:
            tags += touchpoint.trigger.tags_read
        variables = self._catalogue.shared.variables.values()
        tags += [variable.tag for variable in variables if variable.tag]
        return list(dict.fromkeys(tags))


def _last_event(
    events: Mapping[tuple[str, str], datetime], touchpoint: str, happened: Collection[str]
) -> datetime | None:
    """Return when an event last occurred that makes a touchpoint due, if the records know it."""
    known = (events.get((touchpoint, kind)) for kind in happened)
    return max((at for at in known if at is not None), default=None)


class _TouchpointActions:
    """A touchpoint at a place with its actions, which differ between customers by star alone."""

    def __init__(self, catalogue: Catalogue, place: str, name: str, touchpoint: Touchpoint) -> None:
        self.name, self.declared = name, touchpoint
        self._catalogue, self._place = catalogue, place
        self._channels = catalogue.shared.decision_points[place].channels
        self._by_star: dict[int | None, dict[str, list[Candidate]]] = {}

    def actions(self, star: int | None) -> dict[str, list[Candidate]]:
        """List the candidates by channel, best first: with each offer and without."""
        if star not in self._by_star:
            declared = self.declared
            offers = [None, *map(self._offer, declared.offers)]
            self._by_star[star] = {
                channel: [
                    Candidate(
                        touchpoint=self.name,
                        label=declared.label,
                        family=declared.family,
                        kind=declared.kind,
                        channel=channel,
                        cost=float(self._catalogue.cost(declared, channel, self._place)),
                        model=declared.models[0] if declared.models else None,
                        offer=offer,
                        fallbacks=declared.models[1:],
                        returns=declared.returns,
                        worth=float(declared.worth),
                    )
                    for offer in offers
                ]
                for channel in self._channels or declared.channels_for(star)
            }
        return self._by_star[star]

    def _offer(self, name: str) -> Offer:
        offer = self._catalogue.shared.offers[name]
        return Offer(
            name, offer.label, float(offer.cost), offer.redeem_probability, offer.turned_share
        )
