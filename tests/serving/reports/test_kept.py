"""Reports that are kept read as they were made; who is erased is forgotten with them."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from features.erasure.kept_reports import FOLDER, forget_reports
from features.lake import Lake
from features.settings import Settings
from serving.reports.kept import (
    KeptReport,
    ReportChoice,
    ask_for_report,
    kept_file,
    make_report,
    read_report,
)
from serving.reports.kinds import ReportQuestion
from serving.reports.output.files import ReportText
from serving.reports.output.sections import Percent, Section

DAY = date(2026, 6, 30)
ASKED = ReportChoice("monday", ReportQuestion(DAY))
ROWS = [
    ["B01", 1, 0.5, None, Percent(0.25, 2, signed=True), DAY],
    ["B02", 0, -1.5, "", Percent(None), DAY],
]
REPORT = KeptReport(
    ReportText("周报", DAY, [Section("续保", ("一句",), ("机构", "数"), ROWS, ("口径",))], "team"),
    ("C1", "C2"),
)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A home without anything in it."""
    return Lake(Settings(home=tmp_path))


def refuse() -> KeptReport:
    """Fail: what is kept is not made again."""
    raise AssertionError("made again")


def test_a_report_reads_as_it_was_made(lake: Lake) -> None:
    made = make_report(lake, ASKED, lambda: REPORT)
    assert made.text.begun_at is not None
    assert made == replace(REPORT, text=replace(REPORT.text, begun_at=made.text.begun_at))
    assert read_report(kept_file(lake, ASKED)) == made
    assert ask_for_report(lake, ASKED, refuse) == made


def test_each_choice_is_a_report_of_its_own(lake: Lake) -> None:
    choices = [
        ASKED,
        ReportChoice("stars", ReportQuestion(DAY)),
        *(
            ReportChoice("monday", question)
            for question in (
                ReportQuestion(date(2026, 6, 29)),
                ReportQuestion(DAY, date(2026, 5, 1)),
                ReportQuestion(DAY, by="team"),
                ReportQuestion(DAY, branches=frozenset()),
                ReportQuestion(DAY, branches=frozenset({"B01"})),
                ReportQuestion(DAY, branches=frozenset({"B01", "B02"})),
            )
        ),
    ]
    assert len({kept_file(lake, asked) for asked in choices}) == len(choices)


def test_settings_and_erasures_make_it_another_report(lake: Lake) -> None:
    before = kept_file(lake, ASKED)
    (lake.home / "report.toml").write_text("call_days = 5\n")
    changed = kept_file(lake, ASKED)
    (lake.home / "erased.json").write_text("{}")
    assert len({before, changed, kept_file(lake, ASKED)}) == 3


def test_a_report_during_which_somebody_was_erased_is_not_kept(lake: Lake) -> None:
    def make() -> KeptReport:
        (lake.home / "erased.json").write_text("{}")
        return REPORT

    assert make_report(lake, ASKED, make).text.sections == REPORT.text.sections
    assert not (lake.home / FOLDER).exists()


def test_an_erasure_forgets_what_is_kept(lake: Lake) -> None:
    make_report(lake, ASKED, lambda: REPORT)
    assert [*(lake.home / FOLDER).glob("*.json")]
    forget_reports(lake)
    assert not (lake.home / FOLDER).exists()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"title": 1}', '{"sections": [[1]]}'])
def test_a_damaged_file_is_no_report(lake: Lake, text: str) -> None:
    path = kept_file(lake, ASKED)
    path.parent.mkdir()
    path.write_text(text)
    assert read_report(path) is None
