"""Supply decisions with touchpoints: the candidates for a customer, and their filled scripts."""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, cast

from features.conditions import columns_of
from features.lake import Lake
from features.tags.catalogue import catalogue
from serving.decision.candidates import Candidate, Offer
from serving.touchpoints.catalogue import SHIPPED, Catalogue, load_touchpoints
from serving.touchpoints.fields import Channel, Touchpoint
from serving.touchpoints.scripts import LANGUAGES, fill, variable_values

STAR, SOLD_BY, BRANCH = "star_level", "channel", "branch"


@dataclass(frozen=True)
class ContactText:
    """The script of a contact, filled in.

    Attributes
    ----------
    chinese, english : str
        What to say.
    purpose_chinese, purpose_english : str
        What the contact is for.
    role : {"system", "sales_steward", "service_steward"}
        Who makes the contact.
    values : tuple of str
        What the caller gave that stands in it.
    """

    chinese: str
    english: str
    purpose_chinese: str
    purpose_english: str
    role: str
    values: tuple[str, ...] = ()


class TouchpointSource:
    """The catalogue of touchpoints of a home; loaded once, shared by threads.

    Parameters
    ----------
    lake : Lake
        The home with its `touchpoints.toml`, if it has one.

    Attributes
    ----------
    tags : list of str
        Tags that conditions, windows and scripts read, and the star and the sales channel.
    version : str
        A hash of what is shipped and what the home changes.
    """

    def __init__(self, lake: Lake) -> None:
        self._catalogue: Catalogue = load_touchpoints(lake.home)
        self._branches = {
            branch for places in self._catalogue.variants.values() for _, branch in places
        }
        self._actions_at: dict[tuple[str, str | None, str | None], list[_TouchpointActions]] = {}
        self.tags = self._tags()
        texts = [SHIPPED.read_bytes()]
        own = lake.home / SHIPPED.name
        texts += [own.read_bytes()] if own.exists() else []
        self.version = hashlib.sha256(b"\0".join(texts)).hexdigest()[:12]

    @property
    def variables(self) -> Collection[str]:
        """Names of the variables that scripts may use."""
        return self._catalogue.shared.variables.keys()

    def candidates(
        self,
        decision_point: str,
        tags: Mapping[str, Any],
        stage: str | None,
        day: date,
        happened: Collection[str],
    ) -> list[Candidate]:
        """List the candidates of a decision point: each touchpoint that is due, by each channel.

        Parameters
        ----------
        decision_point : str
            Where the decision is asked for.
        tags : Mapping[str, object]
            The customer's tags by name, at least `self.tags`.
        stage : str or None
            Stage of the loop ("entry", ...); None: what holds for all stages.
        day : date
            Civil day of the contact.
        happened : collection of str
            Kinds of events and occasions that bring the customer here.

        Raises
        ------
        UnknownNameError
            If there is no such decision point.
        """
        candidates: list[Candidate] = []
        for touchpoint in self._touchpoints_at(decision_point, tags[BRANCH], stage):
            if self._is_due(touchpoint.declared, tags, day, happened):
                candidates += touchpoint.actions(tags[STAR])
        return candidates

    def _touchpoints_at(
        self, decision_point: str, branch: str | None, stage: str | None
    ) -> "list[_TouchpointActions]":
        """Look up the touchpoints of a decision point for customers of a branch and stage."""
        # Few branches differ from the others; the service meets the names of all of them.
        place = decision_point, branch if branch in self._branches else None, stage
        if place not in self._actions_at:
            self._actions_at[place] = [
                _TouchpointActions(self._catalogue, name, touchpoint)
                for name, touchpoint in self._catalogue.candidates_at(*place).items()
            ]
        return self._actions_at[place]

    def text(
        self,
        candidate: Candidate,
        tags: Mapping[str, Any],
        stage: str | None,
        values: Mapping[str, str],
    ) -> ContactText:
        """Fill in the script of a candidate.

        Parameters
        ----------
        candidate : Candidate
            The candidate that was chosen.
        tags : Mapping[str, object]
            The customer's tags by name, at least `self.tags`.
        stage : str or None
            Stage of the loop ("entry", ...); None: what holds for all stages.
        values : Mapping[str, str]
            Values of script variables that only the caller knows.
        """
        touchpoint = self._catalogue.find(candidate.touchpoint, tags[BRANCH], stage)
        assert touchpoint is not None
        shared = self._catalogue.shared
        known = variable_values(shared.variables, tags, values)
        script = self._catalogue.script(touchpoint, cast("Channel", candidate.channel))
        chinese, english = (
            fill(script, known, shared.variables, language).text for language in LANGUAGES
        )
        steward = shared.roles.steward(touchpoint.role, tags[SOLD_BY])
        return ContactText(
            chinese=chinese,
            english=english,
            purpose_chinese=touchpoint.purpose.chinese,
            purpose_english=touchpoint.purpose.english,
            role="system" if touchpoint.trigger.by == "system" else steward,
            values=tuple(values[name] for name in script.variables if name in values),
        )

    def _is_due(
        self, touchpoint: Touchpoint, tags: Mapping[str, Any], day: date, happened: Collection[str]
    ) -> bool:
        """Check whether a touchpoint is due for this customer, on this day, after what happened."""
        trigger = touchpoint.trigger
        if not trigger.met(tags) or (trigger.months and day.month not in trigger.months):
            return False
        if not set(trigger.events).isdisjoint(happened):
            return True  # its window, if any, is for customers without the event
        if trigger.occasion == "holiday":
            occasion = day + timedelta(days=trigger.days_before)
            holidays = self._catalogue.shared.holidays.values()
            return any(occasion in holiday.days for holiday in holidays)
        if trigger.occasion is not None:
            return trigger.occasion in happened
        if trigger.window is not None:
            days = tags[trigger.window.tag]
            first, last = sorted((trigger.window.first, trigger.window.last))
            return days is not None and first <= days <= last
        return trigger.daily

    def _tags(self) -> list[str]:
        """List the tags that the touchpoints read, each once."""
        known = catalogue()
        tags = [STAR, SOLD_BY, BRANCH]
        for variants in self._catalogue.variants.values():
            for touchpoint in variants.values():
                if touchpoint is None:
                    continue
                if touchpoint.trigger.condition:
                    tags += columns_of(touchpoint.trigger.condition, known)
                if touchpoint.trigger.window:
                    tags.append(touchpoint.trigger.window.tag)
        variables = self._catalogue.shared.variables.values()
        tags += [variable.tag for variable in variables if variable.tag]
        return list(dict.fromkeys(tags))


class _TouchpointActions:
    """A touchpoint with its actions, which differ between customers by their star alone."""

    def __init__(self, catalogue: Catalogue, name: str, touchpoint: Touchpoint) -> None:
        self.declared = touchpoint
        self._name, self._catalogue = name, catalogue
        self._by_star: dict[int | None, list[Candidate]] = {}

    def actions(self, star: int | None) -> list[Candidate]:
        """List the candidates: each channel, with each offer and without."""
        if star not in self._by_star:
            declared = self.declared
            offers = [None, *map(self._offer, declared.offers)]
            self._by_star[star] = [
                Candidate(
                    touchpoint=self._name,
                    label=declared.label,
                    family=declared.family,
                    kind=declared.kind,
                    channel=channel,
                    cost=float(self._catalogue.cost(declared, channel)),
                    model=declared.models[0] if declared.models else None,
                    offer=offer,
                    fallbacks=declared.models[1:],
                    returns=declared.returns,
                    worth=float(declared.worth),
                )
                for channel in declared.channels_for(star)
                for offer in offers
            ]
        return self._by_star[star]

    def _offer(self, name: str) -> Offer:
        offer = self._catalogue.shared.offers[name]
        return Offer(
            name, offer.label, float(offer.cost), offer.redeem_probability, offer.turned_share
        )
