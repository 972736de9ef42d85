"""Forget the reports that are kept beside a day: their tables name customers to call."""

import shutil

from features.lake import Lake

FOLDER = "kept-reports"
"""In the folder of a day: reports as they were shown; they can be made again."""


def forget_reports(lake: Lake) -> None:
    """Delete the reports that are kept of a day."""
    shutil.rmtree(lake.data / FOLDER, ignore_errors=True)
