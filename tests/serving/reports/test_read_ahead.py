"""What pages open with is made when a day is published, before somebody asks."""

import shutil
from datetime import date
from pathlib import Path
from typing import Any

from features.erasure.kept_reports import FOLDER
from features.lake import Lake
from features.lake.published_lake import published_lake
from features.settings import Settings
from serving.process.warming import Warming
from serving.records.database import Records
from serving.reports.kept import KeptReport, ReportChoice, ask_for_report
from serving.reports.kinds import ReportQuestion


def refuse() -> KeptReport:
    """Fail: what was made ahead is not made again."""
    raise AssertionError("made again")


def test_reports_are_there_once_a_day_is_published(
    demo: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    home = tmp_path / "home"
    left_out = shutil.ignore_patterns("mlflow", "reports", "truth", "records.db*", FOLDER)
    shutil.copytree(demo[0], home, ignore=left_out)
    lake = published_lake(Settings(home=home))
    assert lake.day is not None
    day: date = lake.day.as_of
    records = Records(lake.settings)
    records.migrate()
    warming = Warming(lake, records)
    warming.refresh()
    folder: Path = lake.data / FOLDER
    made = {path: path.stat().st_mtime_ns for path in folder.glob("*.json")}
    assert len(made) == 5
    reader = Lake(lake.settings, lake.day)
    for name in ("monday", "experience", "stars", "relationship"):
        report = ask_for_report(reader, ReportChoice(name, ReportQuestion(day)), refuse)
        assert report is not None
        assert report.text.sections
    accounts = ReportChoice("accounts by branch", ReportQuestion(day))
    assert ask_for_report(reader, accounts, refuse) is not None
    # The same day is read ahead once.
    warming.refresh()
    assert {path: path.stat().st_mtime_ns for path in folder.glob("*.json")} == made
    records.close()
