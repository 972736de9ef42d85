"""Publish a day: all of it is visible to every reader at one instant, or nothing has changed.

Gather, load, audit; then, while nobody pushes events, bring the last events into the new slot and
replace the pointer. Whatever is killed before that last step has changed nothing that anybody sees,
and the next call goes on where it was.
"""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from features.errors import GuanjiaError
from features.lake import Lake
from features.lake.pointer import (
    FOLDER,
    MANIFEST,
    PublishedDay,
    kept_days,
    pointer_held,
    read_pointer,
    write_pointer,
)
from features.online.push_events import SlotEvents
from features.progress import Report, quiet
from features.publishing import clear_drafts
from guanjia.jobs.publication.audit import audit_day
from guanjia.jobs.publication.finding_words import say_finding
from guanjia.jobs.publication.findings import Acceptance, Finding
from guanjia.jobs.publication.generation import content_of, stage_day
from guanjia.jobs.publication.record import (
    record_publication,
    record_withdrawal,
    visible_generations,
    withdrawal_of,
)
from guanjia.jobs.publication.slot_loading import load_slot

GENERATIONS = 3
"""Publications whose files are kept, the visible one among them."""


@dataclass(frozen=True)
class Publication:
    """The outcome of `publish_day`.

    Attributes
    ----------
    outcome : str
        "published"; "unchanged": what is published already has the same content; "older": a later
        day is published, nothing was changed; "refused": a bound is broken, nothing was changed.
    day : PublishedDay or None
        What readers see now; None: nothing was ever published.
    before : PublishedDay or None
        What they saw before.
    findings : list of Finding
        Broken bounds; with "published" they were accepted.
    missing : list of date
        Days between the one before and this one that were never published.
    """

    outcome: Literal["published", "unchanged", "older", "refused"]
    day: PublishedDay | None
    before: PublishedDay | None
    findings: list[Finding] = field(default_factory=list)
    missing: list[date] = field(default_factory=list)


def publish_day(
    lake: Lake,
    as_of: date,
    now: datetime,
    report: Report = quiet,
    *,
    accepted: Acceptance | None = None,
) -> Publication:
    """Gather, load, audit and publish a day; may be killed and run again at any point.

    Parameters
    ----------
    lake : Lake
        The working area of the home.
    as_of : date
        The day: its tags, scores and triggers must be there.
    now : datetime
        The current time (UTC); a day that is not over is refused.
    report : Report
        Progress: called with a step, parts done and parts in all.
    accepted : Acceptance, optional
        Publish also with broken bounds; who says so and why goes on record.

    Raises
    ------
    GuanjiaError
        If a file of the day is missing, the online store does not answer, or another process is
        publishing in this home.
    """
    with _sole_publisher(lake.home):
        before = read_pointer(lake.home)
        if before is not None and as_of < before.as_of:
            return Publication("older", before, before)
        day = stage_day(lake, as_of, now, report)
        if before is not None and day.generation == before.generation:
            return Publication("unchanged", before, before)
        load_slot(lake, day, now, report)
        own = Lake(lake.settings, day)
        events = SlotEvents(own, as_of, live=False)
        events.catch_up(now)
        report("audit", 0, 1)
        findings = audit_day(own, as_of, _kept_lake(lake, before))
        findings += _withdrawn(lake.home, day)
        report("audit", 1, 1)
        if findings and accepted is None:
            _clear(lake.home)
            return Publication("refused", before, before, findings)
        day = replace(day, published_at=now, accepted=bool(findings))
        with pointer_held(lake.home, to_replace=True):
            events.catch_up(now)
            record_publication(lake.home, day, content_of(lake.home, day), findings, accepted)
            write_pointer(lake.home, day)
        events.mark_online()
        _clear(lake.home)
        missing = days_between(before.as_of, as_of) if before else []
        return Publication("published", day, before, findings, missing)


def withdraw_day(
    lake: Lake, by: Acceptance, now: datetime, report: Report = quiet
) -> tuple[PublishedDay, PublishedDay]:
    """Take the published day back: readers see the publication before it again.

    Its online rows are still in their slot, and get the events that came since; if they are gone,
    they are loaded from the files of that publication.

    Parameters
    ----------
    lake : Lake
        The working area of the home.
    by : Acceptance
        Who withdraws it, and why.
    now : datetime
        The current time (UTC).
    report : Report
        Progress: called with a step, rows done and rows in all.

    Returns
    -------
    withdrawn : PublishedDay
        What was visible until now.
    back_to : PublishedDay
        What is visible now.

    Raises
    ------
    GuanjiaError
        If nothing is published, there is nothing before it, the online store does not answer, or
        another process is publishing.
    """
    with _sole_publisher(lake.home):
        day = read_pointer(lake.home)
        available = {own.generation: own for own in kept_days(lake.home)}
        earlier = [name for name in visible_generations(lake.home) if day and name in available]
        earlier = [name for name in earlier if day and name != day.generation]
        if day is None or not earlier:
            raise GuanjiaError(
                f"home {lake.home}",
                "has no publication before the one that is visible" if day else "published nothing",
                "mend the delivery and publish the day again; nothing was changed",
            )
        back_to = replace(available[earlier[-1]], published_at=now)
        load_slot(lake, back_to, now, report)
        events = SlotEvents(Lake(lake.settings, back_to), back_to.as_of, live=False)
        events.catch_up(now)
        with pointer_held(lake.home, to_replace=True):
            events.catch_up(now)
            record_withdrawal(lake.home, day, content_of(lake.home, day), back_to, by, now)
            write_pointer(lake.home, back_to)
        events.mark_online()
        return day, back_to


def days_between(first: date, last: date) -> list[date]:
    """List the days after the first and before the last."""
    return [first + timedelta(number) for number in range(1, (last - first).days)]


def missing_days(day: PublishedDay, now: datetime, timezone: str) -> list[date]:
    """List the days that are over and were not published: those after the visible one.

    Parameters
    ----------
    day : PublishedDay
        What is visible.
    now : datetime
        The current time.
    timezone : str
        The insurer's time zone.
    """
    return days_between(day.as_of, now.astimezone(ZoneInfo(timezone)).date())


def _kept_lake(lake: Lake, day: PublishedDay | None) -> Lake | None:
    """Open a published day to compare with; None if there is none, or its files were deleted."""
    if day is None or not (day.folder(lake.home) / MANIFEST).exists():
        return None
    return Lake(lake.settings, day)


def _withdrawn(home: Path, day: PublishedDay) -> list[Finding]:
    """Refuse content that a person has withdrawn, until a person accepts it again."""
    act = withdrawal_of(home, content_of(home, day))
    if act is None:
        return []
    return [say_finding("withdrawn", as_of=day.as_of, who=act["who"], why=act["why"])]


def _clear(home: Path) -> None:
    """Delete the files of publications that are too old, and of those that are not visible."""
    visible = read_pointer(home)
    keep = {*visible_generations(home)[-GENERATIONS:], *([visible.generation] if visible else [])}
    for folder in (home / FOLDER).glob("[!.]*"):
        if folder.name not in keep:
            # Without it the rest is no publication any more, should this be killed.
            (folder / MANIFEST).unlink(missing_ok=True)
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _sole_publisher(home: Path) -> Iterator[None]:
    """Lock the publications of a home for this process; the lock goes with it, however it ends."""
    folder = home / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".publishing").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise GuanjiaError(
                f"home {home}",
                "is being published by another process",
                "wait for it, or stop it; nothing is lost by stopping it",
            ) from None
        clear_drafts(folder)
        yield
