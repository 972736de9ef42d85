"""The catalogue of touchpoints as a decision sees it: candidates for a customer, and the words."""

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
from serving.touchpoints.scripts import LANGUAGES, fill, values_of

STAR, SOLD_BY, BRANCH = "star_level", "channel", "branch"


@dataclass(frozen=True)
class ContactText:
    """A contact in words.

    Attributes
    ----------
    chinese, english : str
        The script, filled in.
    purpose_chinese, purpose_english : str
        What the contact is for.
    role : {"system", "sales_steward", "service_steward"}
        Who makes it.
    """

    chinese: str
    english: str
    purpose_chinese: str
    purpose_english: str
    role: str


class TouchpointMenu:
    """The catalogue of touchpoints of a home; loaded once, shared by threads.

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
        self._at: dict[tuple[str, str | None, str | None], list[_Ready]] = {}
        self.tags = self._tags()
        texts = [SHIPPED.read_bytes()]
        own = lake.home / SHIPPED.name
        texts += [own.read_bytes()] if own.exists() else []
        self.version = hashlib.sha256(b"\0".join(texts)).hexdigest()[:12]

    def candidates(
        self,
        decision_point: str,
        tags: Mapping[str, Any],
        stage: str | None,
        day: date,
        happened: Collection[str],
    ) -> list[Candidate]:
        """What could be done at a decision point: each touchpoint that is due, by each channel."""
        found: list[Candidate] = []
        for one in self._ready(decision_point, tags[BRANCH], stage):
            if self._timely(one.touchpoint, tags, day, happened):
                found += one.actions(tags[STAR])
        return found

    def _ready(self, decision_point: str, branch: str | None, stage: str | None) -> "list[_Ready]":
        """The touchpoints of a decision point for customers of a branch and stage."""
        # Few branches differ from the others; the service meets the names of all of them.
        place = decision_point, branch if branch in self._branches else None, stage
        if place not in self._at:
            touchpoints = self._catalogue.at(*place).items()
            self._at[place] = [_Ready(self._catalogue, name, one) for name, one in touchpoints]
        return self._at[place]

    def text(
        self,
        candidate: Candidate,
        tags: Mapping[str, Any],
        stage: str | None,
        values: Mapping[str, str],
    ) -> ContactText:
        """The script, filled in from the tags and what the touchpoint itself knows."""
        one = self._catalogue.find(candidate.touchpoint, tags[BRANCH], stage)
        assert one is not None
        shared = self._catalogue.shared
        known = values_of(shared.variables, tags, values)
        script = self._catalogue.script(one, cast("Channel", candidate.channel))
        chinese, english = (
            fill(script, known, shared.variables, language).text for language in LANGUAGES
        )
        steward = shared.roles.steward(one.role, tags[SOLD_BY])
        return ContactText(
            chinese=chinese,
            english=english,
            purpose_chinese=one.purpose.chinese,
            purpose_english=one.purpose.english,
            role="system" if one.trigger.by == "system" else steward,
        )

    def _timely(
        self, touchpoint: Touchpoint, tags: Mapping[str, Any], day: date, happened: Collection[str]
    ) -> bool:
        """Whether a touchpoint is for this customer, on this day, after what happened."""
        trigger = touchpoint.trigger
        if not trigger.met(tags) or (trigger.months and day.month not in trigger.months):
            return False
        if not set(trigger.events).isdisjoint(happened):
            return True  # its window, if it has one, is for whom the event missed
        if trigger.occasion == "holiday":
            there = day + timedelta(days=trigger.days_before)
            return any(there in one.days for one in self._catalogue.shared.holidays.values())
        if trigger.occasion is not None:
            return trigger.occasion in happened
        if trigger.window is not None:
            days = tags[trigger.window.tag]
            first, last = sorted((trigger.window.first, trigger.window.last))
            return days is not None and first <= days <= last
        return trigger.daily

    def _tags(self) -> list[str]:
        known = catalogue()
        found = [STAR, SOLD_BY, BRANCH]
        for variants in self._catalogue.variants.values():
            for one in variants.values():
                if one is None:
                    continue
                if one.trigger.condition:
                    found += columns_of(one.trigger.condition, known)
                if one.trigger.window:
                    found.append(one.trigger.window.tag)
        found += [one.tag for one in self._catalogue.shared.variables.values() if one.tag]
        return list(dict.fromkeys(found))


class _Ready:
    """A touchpoint with its actions, which only the customer's stars make different."""

    def __init__(self, catalogue: Catalogue, name: str, touchpoint: Touchpoint) -> None:
        self.touchpoint = touchpoint
        self._name, self._catalogue = name, catalogue
        self._by_star: dict[int | None, list[Candidate]] = {}

    def actions(self, star: int | None) -> list[Candidate]:
        """Each channel, with each offer and without."""
        if star not in self._by_star:
            one = self.touchpoint
            offers = [None, *map(self._offer, one.offers)]
            self._by_star[star] = [
                Candidate(
                    touchpoint=self._name,
                    label=one.label,
                    family=one.family,
                    kind=one.kind,
                    channel=channel,
                    cost=float(self._catalogue.cost(one, channel)),
                    model=one.models[0] if one.models else None,
                    offer=offer,
                )
                for channel in one.channels_for(star)
                for offer in offers
            ]
        return self._by_star[star]

    def _offer(self, name: str) -> Offer:
        offer = self._catalogue.shared.offers[name]
        return Offer(name, offer.label, float(offer.cost), offer.redeem_probability)
