"""Write a report as the file that its name asks for: page, messages, CSV or workbook."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from features.errors import GuanjiaError
from features.publishing import published
from serving.reports.output.chat_text import write_messages
from serving.reports.output.export import write_report
from serving.reports.output.page import render_page
from serving.reports.output.sections import Section
from serving.reports.settings import Level

ENDINGS = (".html", ".txt", ".csv", ".xlsx")
BETWEEN = "\n\n----------\n\n"
"""Between the messages of a text file."""


@dataclass(frozen=True)
class ReportText:
    """A report as its readers see it.

    Attributes
    ----------
    title : str
        Its heading.
    as_of : date
        What was known by then is in it.
    sections : sequence of Section
        Its parts.
    by : {"branch", "team", "manager", "channel", "star"}
        What an office is.
    begun_at : datetime or None
        When its making began, in the insurer's time zone: what the records were told later, a
        consent withdrawn, is not in it. None: it is only being made.
    """

    title: str
    as_of: date
    sections: Sequence[Section]
    by: Level = "branch"
    begun_at: datetime | None = None

    @property
    def known(self) -> list[str]:
        """Sentences on what is in it: the day of its data, and when it was made."""
        day = self.as_of
        lines = [f"数据截至 {day.year}年{day.month}月{day.day}日；只用当日之前已知的数据"]
        if self.begun_at is not None:
            at = f"{self.begun_at:%Y-%m-%d %H:%M}"
            lines.append(f"生成于 {at}，此后的授权变更和触达不在其中")
        return lines

    def page(self) -> str:
        """Render it as an HTML page."""
        return render_page(self.title, self.known, self.sections)

    def messages(self) -> list[str]:
        """Write it as messages for WeCom."""
        return write_messages(self.title, self.known, self.sections, self.by)


def write_file(report: ReportText, path: Path) -> None:
    """Write a report to a file, all of it or nothing.

    Parameters
    ----------
    report : ReportText
        The report.
    path : Path
        The file, which ends in one of `ENDINGS`; only its owner may read it.

    Raises
    ------
    GuanjiaError
        If it ends otherwise.
    """
    ending = path.suffix.lower()
    refuse_ending(path)
    if ending in (".csv", ".xlsx"):
        write_report(path, report.sections, (report.title, *report.known))
        return
    text = report.page() if ending == ".html" else BETWEEN.join(report.messages()) + "\n"
    with published(path, 0o600) as draft:
        draft.write_text(text, encoding="utf-8")


def refuse_ending(path: Path) -> None:
    """Refuse a file of a kind that no report is written as, before the report is made.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    GuanjiaError
        If it ends in none of `ENDINGS`.
    """
    if path.suffix.lower() not in ENDINGS:
        fault = f"ends in none of {', '.join(ENDINGS)}"
        raise GuanjiaError(str(path), fault, "name it report.html, report.txt or report.xlsx")
