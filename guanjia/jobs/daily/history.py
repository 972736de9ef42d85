"""Keep what became of each day: `<home>/days/<D>.json`, to which attempts are only added.

The file is replaced after every step, so that a killed run shows how far it came. It names no
customer.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

from features.errors import GuanjiaError
from features.jsonable import jsonable
from features.publishing import published

Ending = Literal["done", "broken", "fault", "environment", "failed", "cut off"]
"""How an attempt ended: done; a bound is broken; a fault that the user can mend; disk or store
away; a fault of ours; killed."""
StepEnding = Literal[
    "done", "skipped", "not today", "broken", "fault", "environment", "failed", "cut off"
]


@dataclass
class StepRecord:
    """What became of a step in one attempt.

    Attributes
    ----------
    name : str
        The step.
    outcome : StepEnding
        How it ended; "cut off" until it ends.
    began : str
        When, in ISO form, UTC.
    seconds, processor_seconds : float
        How long it took; user and system time of this process and all it started.
    rows : int or None
        Rows it wrote or looked at.
    inputs, outputs : dict of str to str
        What it read and what it left -> identity.
    english, chinese : str
        What it did, in a sentence.
    findings : list of dict
        What a person should know: broken bounds, warnings.
    label : str
        Its Chinese name.
    """

    name: str
    outcome: StepEnding = "cut off"
    began: str = ""
    seconds: float = 0.0
    processor_seconds: float = 0.0
    rows: int | None = None
    inputs: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    english: str = ""
    chinese: str = ""
    findings: list[dict[str, Any]] = field(default_factory=list)
    label: str = ""


@dataclass
class Attempt:
    """One run of a day.

    Attributes
    ----------
    number : int
        1 for the first.
    began, ended : str or None
        When, in ISO form, UTC; not ended: it runs, or was killed.
    process, host : int, str
        Who ran it.
    outcome : Ending
        How it ended; "cut off" until it ends.
    published, published_before : str or None
        The day that readers saw at its end, and at its beginning.
    missing : list of str
        Days between the published one and this one.
    steps : list of StepRecord
        In order.
    meaning : list of dict
        What it means for whom: `whom`, `english`, `chinese`.
    error : dict or None
        `thing`, `fault` and `cure` of what stopped it; `chinese`: the three in Chinese, if they
        are known.
    seconds, processor_seconds : float
        Of the whole attempt.
    verdict : dict of str to str
        How the day stands, in a sentence: `english`, `chinese`.
    """

    number: int
    began: str
    process: int
    host: str
    ended: str | None = None
    outcome: Ending = "cut off"
    published_before: str | None = None
    published: str | None = None
    missing: list[str] = field(default_factory=list)
    steps: list[StepRecord] = field(default_factory=list)
    meaning: list[dict[str, str]] = field(default_factory=list)
    error: dict[str, Any] | None = None
    seconds: float = 0.0
    processor_seconds: float = 0.0
    verdict: dict[str, str] = field(default_factory=dict)


@dataclass
class DayHistory:
    """All attempts of a day, in order."""

    as_of: date
    attempts: list[Attempt] = field(default_factory=list)

    def begin(self, process: int, host: str, now: datetime) -> Attempt:
        """Add an attempt that begins.

        Parameters
        ----------
        process, host : int, str
            Who runs it.
        now : datetime
            The current time (UTC).
        """
        attempt = Attempt(len(self.attempts) + 1, now.isoformat(timespec="seconds"), process, host)
        self.attempts.append(attempt)
        return attempt

    def last_done(self, step: str) -> StepRecord | None:
        """Return what is recorded of the last time that a step ran to its end."""
        records = (
            record
            for attempt in reversed(self.attempts)
            for record in reversed(attempt.steps)
            if record.name == step and record.outcome == "done"
        )
        return next(records, None)


def day_file(home: Path, day: date, suffix: str = ".json") -> Path:
    """Return the file of a day.

    Parameters
    ----------
    home : Path
        The home.
    day : date
        The day.
    suffix : str
        ".json" for the history, ".html" for the page.
    """
    return home / "days" / f"{day.isoformat()}{suffix}"


def read_history(home: Path, day: date) -> DayHistory:
    """Read the attempts of a day; none where it was never run.

    Raises
    ------
    GuanjiaError
        If the file is not one of ours.
    """
    path = day_file(home, day)
    if not path.exists():
        return DayHistory(day)
    try:
        attempts = json.loads(path.read_text("utf-8"))["attempts"]
        return DayHistory(day, [_attempt(attempt) for attempt in attempts])
    except (ValueError, KeyError, TypeError) as error:
        fault = f"is not a day's history ({error})"
        raise GuanjiaError(f"file {path}", fault, "move it away and run the day again") from None


def write_history(home: Path, history: DayHistory) -> Path:
    """Publish the attempts of a day."""
    path = day_file(home, history.as_of)
    with published(path) as draft:
        text = json.dumps(jsonable(history), ensure_ascii=False, indent=1)
        draft.write_text(text + "\n", encoding="utf-8")
    return path


def earlier_seconds(home: Path, day: date, days: int = 7) -> dict[str, list[float]]:
    """Read how long each step took lately: step -> seconds, the latest day first.

    Parameters
    ----------
    home : Path
        The home.
    day : date
        Later days are left out.
    days : int
        At most so many days.
    """
    files = sorted((home / "days").glob("[0-9]*.json"), reverse=True)
    before = [path for path in files if path.stem <= day.isoformat()][:days]
    seconds: dict[str, list[float]] = {}
    for record in _records(before):
        if record.outcome == "done":
            seconds.setdefault(record.name, []).append(record.seconds)
    return seconds


def _records(files: list[Path]) -> Iterator[StepRecord]:
    for path in files:
        for attempt in read_history(path.parents[1], date.fromisoformat(path.stem)).attempts:
            yield from attempt.steps


def _attempt(content: dict[str, Any]) -> Attempt:
    """Read an attempt; fields of a later release are left aside."""
    steps = [StepRecord(**_known(StepRecord, step)) for step in content["steps"]]
    return Attempt(**{**_known(Attempt, content), "steps": steps})


def _known(kind: type[Any], content: dict[str, Any]) -> dict[str, Any]:
    names = {attribute.name for attribute in fields(kind)}
    return {name: value for name, value in content.items() if name in names}
