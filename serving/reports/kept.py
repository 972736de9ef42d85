"""Keep the reports that were made of a day beside its files, and make others in the background.

A report takes seconds, at a million customers a minute. Whoever asks for one that is kept reads it;
whoever asks for another is told that it is being made. One is made at a time. A file is named after
all that it was made from: the day, what was asked for, settings, code, who was erased.
"""

import contextlib
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from features.erasure.kept_reports import FOLDER
from features.lake import Lake
from features.publishing import published
from serving import clock
from serving.background import BackgroundWork
from serving.identity import file_identity, settings_identity
from serving.records.database import Records
from serving.reports.kinds import ReportQuestion, make_of_day
from serving.reports.output.files import ReportText
from serving.reports.output.sections import Cell, Percent, Section

PATIENCE_SECONDS = 0.3
"""So long a page waits for a report that is being made."""


@dataclass(frozen=True)
class ReportChoice:
    """One of the reports that can be kept.

    Attributes
    ----------
    kind : str
        One of `REPORTS`, or another name that says all that the question does not.
    question : ReportQuestion
        Its days, offices and branches.
    """

    kind: str
    question: ReportQuestion


@dataclass(frozen=True)
class KeptReport:
    """A report as people read it.

    Attributes
    ----------
    text : ReportText
        What people read.
    customers : tuple of str
        Customers whom its numbers name.
    """

    text: ReportText
    customers: tuple[str, ...] = ()


def kept_file(lake: Lake, choice: ReportChoice) -> Path:
    """Return the file of a report, whether it is there or not.

    Parameters
    ----------
    lake : Lake
        The published day; without one, the working area.
    choice : ReportChoice
        The report.
    """
    question = choice.question
    branches = None if question.branches is None else sorted(question.branches)
    about = [
        *(choice.kind, str(question.as_of), str(question.since), question.by, branches),
        *(settings_identity(lake), file_identity(lake.home / "erased.json")),
    ]
    mark = hashlib.sha256(json.dumps(about).encode()).hexdigest()[:24]
    return lake.data / FOLDER / f"{mark}.json"


def read_report(path: Path) -> KeptReport | None:
    """Read a report that is kept; None if it is not there, or is no report."""
    try:
        fields = json.loads(path.read_text("utf-8"))
        sections = [
            Section(
                title, tuple(sentences), tuple(headings),
                [[_read(cell) for cell in row] for row in rows], tuple(notes),
            )
            for title, sentences, headings, rows, notes in fields["sections"]
        ]  # fmt: skip
        as_of, by = date.fromisoformat(fields["as_of"]), fields["by"]
        begun_at = datetime.fromisoformat(fields["begun_at"])
        text = ReportText(fields["title"], as_of, sections, by, begun_at)
        return KeptReport(text, tuple(fields["customers"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def keep_report(path: Path, report: KeptReport) -> None:
    """Keep a report; a home that cannot be written only costs the next reader the time."""
    text = report.text
    assert text.begun_at is not None
    fields = {
        "title": text.title,
        "as_of": text.as_of.isoformat(),
        "by": text.by,
        "sections": [
            [
                *(part.title, part.sentences, part.headings),
                [[_written(cell) for cell in row] for row in part.rows],
                part.notes,
            ]
            for part in text.sections
        ],
        "customers": report.customers,
        "begun_at": text.begun_at.isoformat(),
    }
    with contextlib.suppress(OSError):
        path.parent.mkdir(mode=0o700, exist_ok=True)
        with published(path) as draft:
            draft.write_text(json.dumps(fields, ensure_ascii=False), "utf-8")


_WORK: BackgroundWork[KeptReport] = BackgroundWork(threads=1, seconds=600)
"""Reports that are being made, and the last ones, where the home cannot be written."""


def ask_for_report(
    lake: Lake,
    choice: ReportChoice,
    make: Callable[[], KeptReport],
    patience: float | None = None,
) -> KeptReport | None:
    """Return a report that is kept, or have it made; None: it is being made.

    Parameters
    ----------
    lake : Lake
        The published day; without one, the working area.
    choice : ReportChoice
        The report.
    make : callable of () to KeptReport
        Makes it, in the thread of reports.
    patience : float, optional
        Seconds to wait for it; default: until it is there.
    """
    path = kept_file(lake, choice)
    report = read_report(path)
    if report is not None:
        return report
    return _WORK.ask(path, lambda: make_report(lake, choice, make), patience)


def ask_for_kind(
    lake: Lake, records: Records, choice: ReportChoice, patience: float | None = None
) -> KeptReport | None:
    """Return one of `REPORTS` that is kept, or have it made of the published day.

    Parameters
    ----------
    lake, choice, patience
        As `ask_for_report` takes them.
    records : Records
        Operational records.
    """

    def make() -> KeptReport:
        report = make_of_day(lake, records, choice.kind, choice.question)
        return KeptReport(report.text, report.customers)

    return ask_for_report(lake, choice, make, patience)


def make_report(lake: Lake, choice: ReportChoice, make: Callable[[], KeptReport]) -> KeptReport:
    """Make a report and keep it, unless a customer was erased or a setting changed meanwhile.

    Parameters
    ----------
    lake, choice, make
        As `ask_for_report` takes them.
    """
    path, zone = kept_file(lake, choice), ZoneInfo(lake.settings.timezone)
    begun_at = clock.now(lake.settings).astimezone(zone)
    report = make()
    report = replace(report, text=replace(report.text, begun_at=begun_at))
    if kept_file(lake, choice) == path:
        keep_report(path, report)
    return report


def _written(cell: Cell) -> Any:
    if isinstance(cell, Percent):
        return {"share": cell.share, "places": cell.places, "signed": cell.signed}
    return {"date": cell.isoformat()} if isinstance(cell, date) else cell


def _read(cell: Any) -> Any:
    if not isinstance(cell, dict):
        return cell
    return date.fromisoformat(cell["date"]) if "date" in cell else Percent(**cell)
