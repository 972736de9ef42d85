"""Say which touchpoints an edited catalogue makes due in the decisions that were recorded."""

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from serving.decision.candidates import Candidate
from serving.decision.core import Facts
from serving.decision.touchpoint_source import TouchpointSource
from serving.records.contacts.history import History
from serving.touchpoints.catalogue import load_touchpoints
from serving.touchpoints.due import Customer
from serving.touchpoints.fields import Touchpoint

Offers = dict[str, list[Candidate]]
"""Touchpoint -> its candidates; none if it is not due."""


class EditedTriggers:
    """The touchpoints of an edited catalogue that are due at other times than in the home.

    Parameters
    ----------
    home : Path
        The home.
    edited : Path
        The folder of the edited `touchpoints.toml`.
    source : TouchpointSource
        The edited catalogue.
    zone : ZoneInfo
        The insurer's time zone.

    Attributes
    ----------
    names : list of str
        Touchpoints with another trigger than in the home, and new ones.
    untold : set of str
        Those of which a record could not tell whether they would have been due: it lacks a tag
        that their trigger reads, or they wait for a weather warning, which nobody recorded.
    """

    def __init__(self, home: Path, edited: Path, source: TouchpointSource, zone: ZoneInfo) -> None:
        self._source, self._zone = source, zone
        self._edited = _edited_triggers(home, edited)
        self.names = list(self._edited)
        self.untold: set[str] = set()

    def offers(
        self,
        facts: Facts,
        context: Mapping[str, Any],
        history: History,
        day_of: Callable[[Candidate], date],
    ) -> Offers:
        """List the candidates of each edited touchpoint of which the record can tell.

        Parameters
        ----------
        facts : Facts
            The facts of the decision, as recorded.
        context : mapping of str to object
            The context of its request.
        history : History
            What the simulated world knew of the customer: contacts and outcomes.
        day_of : callable of Candidate to date
            Civil day on which a contact would be made.
        """
        tellable = {
            name: variants
            for name, variants in self._edited.items()
            if all(_is_answered(variant, facts.tags) for variant in variants)
        }
        self.untold |= self._edited.keys() - tellable.keys()
        if not tellable:
            return {}
        customer = Customer(_dated(facts.tags), facts.day, self._zone, self._source.past(history))
        offered = self._source.candidates(
            facts.decision_point,
            customer,
            context.get("stage"),
            day_of,
            context.get("happened") or (),
            given=_given(facts),
            among=tellable,
        )
        return {
            name: [candidate for candidate in offered.candidates if candidate.touchpoint == name]
            for name in tellable
        }


def _edited_triggers(home: Path, edited: Path) -> dict[str, list[Touchpoint]]:
    """List the touchpoints with another trigger than in the home, and new ones, by name."""
    ours, theirs = (load_touchpoints(folder).variants for folder in (home, edited))
    changed: dict[str, list[Touchpoint]] = {}
    for name, variants in theirs.items():
        known = ours.get(name, {})
        for place, variant in variants.items():
            before = known.get(place) or known.get((None, None))
            if variant is not None and (before is None or before.trigger != variant.trigger):
                changed[name] = [every for every in variants.values() if every is not None]
    return changed


def _is_answered(touchpoint: Touchpoint, tags: Mapping[str, Any]) -> bool:
    """Check whether recorded tags tell if the touchpoint is due."""
    trigger = touchpoint.trigger
    return (
        tags.get("as_of") is not None
        and trigger.occasion != "weather"
        and all(name in tags for name in trigger.tags_read)
    )


def _dated(tags: Mapping[str, Any]) -> dict[str, Any]:
    """Read the dates of recorded tags, which JSON holds as texts."""
    newer = tags.get("newer") or {}
    return {
        **tags,
        "as_of": date.fromisoformat(str(tags["as_of"])),
        "newer": {group: date.fromisoformat(str(day)) for group, day in newer.items()},
    }


def _given(facts: Facts) -> str | None:
    """Name the touchpoint that a campaign gave the customer in this decision, due or not."""
    arm = facts.campaign
    if arm is None or arm.kind != "treatment":
        return None
    offered = any(candidate.touchpoint == arm.touchpoint for candidate in facts.candidates)
    return arm.touchpoint if offered else None
