"""Summarise recorded decisions: what was done and what silence rested on, place by place.

Each decision is settled again from its record, so that values and gates need no columns of their
own, and decisions of earlier releases are counted by the same rules.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import fmean
from typing import Any

from sqlalchemy import func, select

from features.errors import GuanjiaError
from serving.decision.capacity.demand import past_decisions
from serving.decision.core import DecisionResult, settle
from serving.decision.record import restore_facts
from serving.decision.silence import silence_reasons
from serving.records.database import Records
from serving.records.tables import decisions

ActionKey = tuple[str, str, str, str]
"""Decision point, touchpoint, channel, offer or an empty text."""


@dataclass
class PlaceCount:
    """Decisions of one decision point.

    Attributes
    ----------
    decisions, due, service, marketing, offers, drawn : int
        All; those with a touchpoint that is due; contacts of service and of marketing; contacts
        that carry an offer; contacts drawn by lot.
    silence : Counter of str
        Decisions by what their silence rested on, the strongest of it (`silence_reasons`).
    """

    decisions: int = 0
    due: int = 0
    service: int = 0
    marketing: int = 0
    offers: int = 0
    drawn: int = 0
    silence: Counter[str] = field(default_factory=Counter)

    def row(self, name: str) -> dict[str, Any]:
        """Return the counts as a row of a table."""
        return {
            "decision_point": name,
            "decisions": self.decisions,
            "due": self.due,
            "service": self.service,
            "marketing": self.marketing,
            "offers": self.offers,
            "drawn": self.drawn,
            "silence": sum(self.silence.values()),
        }


@dataclass
class DecisionSummary:
    """Counts of decisions over a span of time.

    Attributes
    ----------
    first, last : datetime or None
        Instants of the first and the last decision; None if there is none.
    places : dict of str to PlaceCount
        By decision point.
    actions : dict of ActionKey to list of (float or None)
        Contacts with their values in yuan; None: a service message, which has no value.
    """

    first: datetime | None = None
    last: datetime | None = None
    places: dict[str, PlaceCount] = field(default_factory=dict)
    actions: dict[ActionKey, list[float | None]] = field(default_factory=dict)

    def add(self, decision_point: str, result: DecisionResult, held_by: Sequence[str] = ()) -> None:
        """Count a decision.

        Parameters
        ----------
        decision_point : str
            Where it was asked for.
        result : DecisionResult
            The decision.
        held_by : sequence of str
            What the answer says its silence rests on; empty, in answers of earlier releases: found
            anew.
        """
        place = self.places.setdefault(decision_point, PlaceCount())
        place.decisions += 1
        place.due += bool(result.candidates)
        if result.chosen is None:
            place.silence[(held_by or silence_reasons(result))[0]] += 1
            return
        candidate, value = result.chosen.candidate, result.chosen.value
        place.service += candidate.kind == "service"
        place.marketing += candidate.kind == "marketing"
        place.offers += candidate.offer is not None
        place.drawn += result.drawn
        key = (decision_point, *candidate.key)
        worth = None if value is None or result.mandatory else value.total
        self.actions.setdefault(key, []).append(worth)

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Return the rows of three tables: decision points, silence by gate, actions."""
        silence = [
            {
                "decision_point": name,
                "held_by": gate,
                "decisions": count,
                "share": count / place.decisions,
            }
            for name, place in self.places.items()
            for gate, count in place.silence.most_common()
        ]
        actions = [
            {
                "decision_point": name,
                "touchpoint": touchpoint,
                "channel": channel,
                "offer": offer or None,
                "contacts": len(values),
                "mean_value": _mean(values),
            }
            for (name, touchpoint, channel, offer), values in sorted(
                self.actions.items(), key=lambda item: (item[0][0], -len(item[1]), item[0])
            )
        ]
        places = [place.row(name) for name, place in self.places.items()]
        return {"decision_points": places, "silence": silence, "actions": actions}


def summarise(records: Records, days: int) -> DecisionSummary:
    """Summarise the decisions of the days up to the last one.

    Parameters
    ----------
    records : Records
        Where decisions are stored.
    days : int
        Number of days, of 24 hours each, up to the last decision.

    Raises
    ------
    GuanjiaError
        If nothing was decided yet.
    """
    with records.reading() as connection:
        last = connection.execute(select(func.max(decisions.c.decided_at))).scalar()
    if last is None:
        raise GuanjiaError("decisions", "were not made yet", "ask /decide first")
    summary = DecisionSummary(last=last)
    end = last + timedelta(microseconds=1)
    for row in past_decisions(records, end - timedelta(days), end):
        summary.first = summary.first or row["decided_at"]
        held_by = row["document"]["answer"].get("held_by", ())
        summary.add(row["decision_point"], _settled(row), held_by)
    return summary


def _settled(row: Mapping[str, Any]) -> DecisionResult:
    return settle(restore_facts(row["document"]["facts"]))


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None
