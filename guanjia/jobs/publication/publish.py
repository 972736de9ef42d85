"""Publish a day: all of it is visible to every reader at one instant, or nothing has changed."""

from dataclasses import dataclass, field
from datetime import date, datetime

from features.lake import Lake
from features.lake.pointer import PublishedDay
from features.progress import Report, quiet
from guanjia.jobs.publication.findings import Acceptance, Finding


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

    outcome: str
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
    raise NotImplementedError
