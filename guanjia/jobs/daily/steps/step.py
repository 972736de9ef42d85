"""Say what a step of a day is, and what it may use."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from features.lake import Lake
from features.progress import Report
from features.texts import Sentence
from guanjia.jobs.daily.settings import DailySettings
from serving.records.database import Records


@dataclass
class Day:
    """A day that is run.

    Attributes
    ----------
    lake : Lake
        The working area of the home; all steps read through its one engine.
    records : Records
        Operational records.
    as_of : date
        The day.
    settings : DailySettings
        What the home wants of its days.
    now : datetime
        The current time (UTC).
    report : Report
        Progress.
    who : str
        Who is recorded as having run it.
    """

    lake: Lake
    records: Records
    as_of: date
    settings: DailySettings
    now: datetime
    report: Report
    who: str


@dataclass(frozen=True)
class StepResult:
    """What a step did.

    Attributes
    ----------
    summary : Sentence
        What it did.
    rows : int, optional
        Rows it wrote or looked at.
    findings : tuple of dict
        What a person should know: `subject`, `english`, `chinese` and figures.
    broken : bool
        A declared bound is broken.
    """

    summary: Sentence
    rows: int | None = None
    findings: tuple[Mapping[str, Any], ...] = ()
    broken: bool = False


Identities = dict[str, str]


def _nothing(_day: Day) -> Identities:
    return {}


def _every_day(_day: Day) -> Sentence | None:
    return None


@dataclass(frozen=True)
class Step:
    """A step of a day.

    Attributes
    ----------
    name, label : str
        Name for machines, and label in Chinese.
    run : callable of (Day) to StepResult
        Does it.
    inputs : callable of (Day) to dict of str to str, or None
        What it reads -> identity; None: it cannot be known without doing it, so it always runs.
    outputs : callable of (Day) to dict of str to str
        What it left -> identity: where that was changed or lost, it runs again.
    not_today : callable of (Day) to Sentence or None
        Why it is no step of this day or home.
    needs : tuple of str
        Steps whose results it reads, for the plan.
    after_publication : bool
        It does not hold back the day, nor the steps after it.
    """

    name: str
    label: str
    run: Callable[[Day], StepResult]
    inputs: Callable[[Day], Identities | None]
    outputs: Callable[[Day], Identities] = field(default=_nothing)
    not_today: Callable[[Day], Sentence | None] = field(default=_every_day)
    needs: tuple[str, ...] = ()
    after_publication: bool = False


def chinese_day(day: date) -> str:
    """Write a day as a Chinese reader does.

    Examples
    --------
    >>> chinese_day(date(2026, 6, 30))
    '6月30日'
    """
    return f"{day.month}月{day.day}日"
