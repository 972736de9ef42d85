"""Hold what was decided under some rules, and how two worlds differ."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass
class World:
    """What was decided under some rules.

    Attributes
    ----------
    decisions, marketing, service : int
        Decisions; contacts of marketing and of service.
    expected_yuan : float
        Sum of the expected values of the contacts of marketing.
    as_recorded : int
        Decisions with the recorded action.
    silence : Counter of str
        Silent decisions by the strongest of what silence rested on.
    silent_customers : set of str
        Customers who were decided on and got no marketing.
    lifted : Counter of str
        By gate, yuan that silent decisions would be worth without it: an upper bound.
    channels : Counter of str
        Contacts of marketing by channel.
    """

    decisions: int = 0
    marketing: int = 0
    service: int = 0
    expected_yuan: float = 0.0
    as_recorded: int = 0
    silence: Counter[str] = field(default_factory=Counter)
    silent_customers: set[str] = field(default_factory=set)
    lifted: dict[str, float] = field(default_factory=dict)
    channels: Counter[str] = field(default_factory=Counter)
    reached: set[str] = field(default_factory=set)

    def row(self) -> dict[str, Any]:
        """Return the figures as a row of a table."""
        return {
            "decisions": self.decisions,
            "marketing": self.marketing,
            "service": self.service,
            "expected_yuan": round(self.expected_yuan, 2),
            "silent_customers": len(self.silent_customers),
            "as_recorded": self.as_recorded / self.decisions if self.decisions else None,
        }


@dataclass(frozen=True)
class PolicySimulation:
    """Two worlds, and what differs.

    Attributes
    ----------
    begin, end : datetime
        Decisions from `begin` until before `end`.
    edited : list of str
        Files of rules that were edited.
    before, after : World
        Under the rules as they are, and under the edited ones.
    timed_as_edited : list of str
        Touchpoints that are due by their edited trigger.
    timed_as_recorded : list of str
        Edited touchpoints, and new ones, of which some records cannot tell whether they would have
        been due: there they are due as recorded.
    """

    begin: datetime
    end: datetime
    edited: list[str]
    before: World
    after: World
    timed_as_edited: list[str] = field(default_factory=list)
    timed_as_recorded: list[str] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """Return both worlds and their difference as JSON has them."""
        first, second = self.before.row(), self.after.row()
        gates = sorted({*self.before.silence, *self.after.silence})
        return {
            "begin": self.begin,
            "end": self.end,
            "edited": self.edited,
            "timed_as_edited": self.timed_as_edited,
            "timed_as_recorded": self.timed_as_recorded,
            "before": first,
            "after": second,
            "difference": {
                name: second[name] - first[name] for name in first if name != "as_recorded"
            },
            "silence": [
                {
                    "gate": gate,
                    "before": self.before.silence[gate],
                    "after": self.after.silence[gate],
                    "worth_lifted": round(self.before.lifted[gate], 2)
                    if gate in self.before.lifted
                    else None,
                }
                for gate in gates
            ],
        }
