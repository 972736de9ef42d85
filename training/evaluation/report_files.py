"""Write an assessment to files: report, model card and tables."""

import json
import shutil
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from features.lake import Lake
from features.publishing import published_folder
from training.evaluation.assessment import Assessment
from training.evaluation.report_page import render_card, render_report

REPORT, CARD = "report.html", "model-card.md"


def write_files(assessment: Assessment, folder: Path) -> list[Path]:
    """Write report, card and their tables into a folder; return the files, in a fixed order."""
    folder.mkdir(parents=True, exist_ok=True)
    tables = {
        "calibration": assessment.calibration,
        "gain": assessment.gain,
        "peers": pd.DataFrame([asdict(peer) for peer in assessment.differences]),
        "slices": pd.DataFrame([asdict(part) for part in assessment.slices]),
        "fairness": pd.DataFrame(
            [
                {"attribute": attribute.attribute, **asdict(group)}
                for attribute in assessment.fairness
                for group in attribute.groups
            ]
        ),
        "single_tags": pd.DataFrame([asdict(tag) for tag in assessment.single_tags]),
    }
    if assessment.curves:
        parts = [curve.table.assign(channel=curve.channel) for curve in assessment.curves]
        tables["profit"] = pd.concat(parts)
    texts = {REPORT: render_report(assessment), CARD: render_card(assessment)}
    texts |= {f"{name}.csv": table.to_csv(index=False) for name, table in tables.items()}
    shares = {theme.theme: theme.share for theme in assessment.importance.themes}
    texts["importance.json"] = json.dumps(shares, indent=1) + "\n"
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in texts]


def publish_report(lake: Lake, files: Iterable[Path], model: str, version: str) -> Path:
    """Copy the files of an assessment to `<home>/reports/<model>/<version>/`.

    Parameters
    ----------
    lake : Lake
        The home.
    files : iterable of Path
        What `write_files` wrote.
    model, version : str
        The registered version.

    Returns
    -------
    Path
        The report.
    """
    folder = lake.home / "reports" / model / version
    with published_folder(folder) as draft:
        for path in files:
            shutil.copyfile(path, draft / path.name)
    return folder / REPORT
