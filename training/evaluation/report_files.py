"""What an assessment leaves behind: report, card and tables, for the registry and for reading."""

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


def write_files(found: Assessment, folder: Path) -> list[Path]:
    """Write report, card and the tables behind them into a folder; the files, in a fixed order."""
    folder.mkdir(parents=True, exist_ok=True)
    tables = {
        "calibration": found.calibration,
        "gain": found.gain,
        "peers": pd.DataFrame([asdict(one) for one in found.differences]),
        "slices": pd.DataFrame([asdict(one) for one in found.slices]),
        "fairness": pd.DataFrame(
            [
                {"attribute": one.attribute, **asdict(group)}
                for one in found.fairness
                for group in one.groups
            ]
        ),
        "single_tags": pd.DataFrame([asdict(one) for one in found.single_tags]),
    }
    if found.curves:
        parts = [curve.table.assign(channel=curve.channel) for curve in found.curves]
        tables["profit"] = pd.concat(parts)
    texts = {REPORT: render_report(found), CARD: render_card(found)}
    texts |= {f"{name}.csv": table.to_csv(index=False) for name, table in tables.items()}
    shares = {one.theme: one.share for one in found.importance.themes}
    texts["importance.json"] = json.dumps(shares, indent=1) + "\n"
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in texts]


def publish_report(lake: Lake, files: Iterable[Path], model: str, version: str) -> Path:
    """Put what `write_files` wrote under `<home>/reports/<model>/<version>/`; the report's path."""
    folder = lake.home / "reports" / model / version
    with published_folder(folder) as draft:
        for path in files:
            shutil.copyfile(path, draft / path.name)
    return folder / REPORT
