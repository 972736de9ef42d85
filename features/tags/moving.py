"""Say how a value of an expression moves with the date of the tags, and on which days it turns.

A value is *still* while nothing is known anew, it is the date itself, a *distance* in days from a
date of a row to it, or it follows the *calendar* (years and months passed since a date of a row).
"""

from dataclasses import dataclass, replace
from functools import cache
from typing import Literal, NamedTuple

from features.contracts.contract import Instant
from features.contracts.tables import CONTRACTS
from features.lake.known_at import later_instants

TURN, BIRTHDAY, ANY = "turn", "birthday", "any"
Operator = Literal["<", "<=", ">", ">=", "=="]
MIRRORED: dict[str, Operator] = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "=="}


class Origin(NamedTuple):
    """A date column of a raw table, and what was added to it: first months, then days."""

    table: str
    column: str
    months: int = 0
    days: int = 0


@dataclass(frozen=True)
class Turn:
    """What a tag compares a date of a row with: it turns when the date of the tags passes it.

    Attributes
    ----------
    table, column : str
        The date; a raw table and its column, or the civil day of an instant.
    kind : str
        `TURN`: the date plus `months` is compared with the tags' date plus `now_months` and then
        `now_days`. `BIRTHDAY`: months or years since the date are counted. `ANY`: any limit that
        `features.lake.known` allows.
    months, now_months, now_days : int
        As said; 0 for other kinds.
    begins : bool
        Of a turn: True where it turns as the tags' date goes beyond the date (`>=`, `<`), False
        where it turns as the tags' date comes to it (`>`, `<=`).
    """

    table: str
    column: str
    kind: str = TURN
    months: int = 0
    now_months: int = 0
    now_days: int = 0
    begins: bool = False


Turns = frozenset[Turn]


@dataclass(frozen=True)
class Still:
    """A value that stays while nothing is known anew and none of the noted turns is passed.

    Attributes
    ----------
    origins : frozenset of Origin
        The dates that it can be, or was computed from.
    exact : bool
        Whether it is one of these dates, or null.
    numbers : frozenset of int or None
        The whole numbers that it can be; None: unknown.
    null : bool
        Whether it is null always.
    """

    origins: frozenset[Origin] = frozenset()
    exact: bool = True
    numbers: frozenset[int] | None = None
    null: bool = False


@dataclass(frozen=True)
class Now:
    """The date of the tags plus months and then days, or its cutoff.

    Attributes
    ----------
    months, days : int
        What was added.
    instant : bool
        Whether it is the cutoff, an instant.
    """

    months: int = 0
    days: int = 0
    instant: bool = False


@dataclass(frozen=True)
class Distance:
    """A number of days between one of some dates and the date of the tags.

    Attributes
    ----------
    origins : frozenset of Origin
        The dates.
    sign : int
        1: days since the date, it grows; -1: days to it, it shrinks; 0: either.
    now : Now
        The date from which is counted.
    added : int or None
        Days added; None: unknown.
    """

    origins: frozenset[Origin]
    sign: int
    now: Now = Now()
    added: int | None = 0

    def mirrored(self) -> "Distance":
        """Return the distance with the other sign."""
        added = None if self.added is None else -self.added
        return replace(self, sign=-self.sign, added=added)

    def plus(self, number: Still, sign: int) -> "Distance | None":
        """Add a still number, or with sign -1 take it away; None where it is no number."""
        if number.origins:
            return None
        if self.added is None or number.numbers is None or len(number.numbers) != 1:
            return replace(self, added=None)
        return replace(self, added=self.added + sign * next(iter(number.numbers)))


@dataclass(frozen=True)
class Calendar:
    """A value of years, months and days of the month passed since dates: it turns on birthdays."""

    origins: frozenset[Origin] = frozenset()


@dataclass(frozen=True)
class Moving:
    """A value that moves in a way that is not followed: any limit may turn what it meets."""

    origins: frozenset[Origin] = frozenset()


Value = Still | Now | Distance | Calendar | Moving


def joined(values: "list[Value]") -> Value | None:
    """Return the value that is one of several, or null; None where they move differently."""
    moving = [value for value in values if not (isinstance(value, Still) and value.null)]
    if not moving:
        return Still(null=True)
    stills = [value for value in moving if isinstance(value, Still)]
    distances = [value for value in moving if isinstance(value, Distance)]
    if len(stills) == len(moving):
        numbers = [value.numbers for value in stills]
        known = None not in numbers
        return Still(
            frozenset().union(*(value.origins for value in stills)),
            all(value.exact for value in stills),
            frozenset().union(*(of for of in numbers if of is not None)) if known else None,
        )
    if len(distances) == len(moving):
        first = distances[0]
        same = all((of.sign, of.now) == (first.sign, first.now) for of in distances)
        added = {of.added for of in distances}
        return Distance(
            frozenset().union(*(of.origins for of in distances)),
            first.sign if same else 0,
            first.now,
            added.pop() if same and len(added) == 1 else None,
        )
    if len(set(moving)) == 1:
        return moving[0]
    return None


def civil_day(origin: Origin, *, always: bool = False) -> str | None:
    """Return the column with the civil day of a date or an instant.

    None for an instant at whose passing a row counts as changed, unless `always`, and for one
    without a civil day.
    """
    days, passing = _instants(origin.table)
    if origin.column in passing and not always:
        return None
    return days.get(origin.column, origin.column if origin.column not in passing else None)


@cache
def _instants(table: str) -> tuple[dict[str, str], frozenset[str]]:
    """Map a table's instants to their civil days; name those at which rows count as changed."""
    contract = CONTRACTS[table]
    days = {instant: day for day, instant in contract.civil_days.items()}
    passing = {*later_instants(contract), contract.event_time, "recorded_at"}
    instants = {name for name, type_ in contract.columns.items() if type_ == Instant}
    without = instants - days.keys()
    return days, frozenset(passing | without)
