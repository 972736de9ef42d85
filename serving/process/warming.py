"""Read in advance what pages would wait for: when the service starts, and when a day is published.

The files that conditions are counted from are verified, and the conditions of all segments and
lists are counted, which brings their columns into memory. The lineage is built. The reports that
pages open with are made and kept.
"""

import fcntl
import logging
from pathlib import Path

from features.errors import GuanjiaError
from features.lake import Lake
from serving.lineage.graph import lineage_of
from serving.lists.conditions.counting import count
from serving.lists.conditions.vocabulary import list_vocabulary
from serving.lists.definitions.definition import declared_definitions
from serving.lists.questions import check_definition, read_where, readable_columns
from serving.records.database import Records
from serving.reports.accounts import ask_for_accounts
from serving.reports.kept import ReportChoice, ask_for_kind
from serving.reports.kinds import ReportQuestion

logger = logging.getLogger(__name__)
REPORTS = ("monday", "experience", "stars", "relationship")
"""Reports that have a page of their own; each opens with the choices of `ReportQuestion`."""
LOCK = ".warming.lock"


class Warming:
    """Follows the published day, and reads in advance what its pages need.

    Parameters
    ----------
    lake : Lake
        The lake of the service.
    records : Records
        Operational records.
    """

    def __init__(self, lake: Lake, records: Records) -> None:
        self._lake, self._records = lake, records
        self._done = ""

    def refresh(self) -> None:
        """Read in advance, if another day was published since the last time."""
        day = self._lake.day
        if day is None or day.generation == self._done:
            return
        self._done = day.generation
        lake = Lake(self._lake.settings, day)
        for what, warm in (
            ("counts", count_declared),
            ("lineage", lineage_of),
            ("reports", self._make_reports),
        ):
            try:
                warm(lake)
            except GuanjiaError as error:
                logger.warning("%s of %s are not read in advance: %s", what, day.as_of, error)

    def _make_reports(self, lake: Lake) -> None:
        """Make the reports that pages open with, in one worker of the home."""
        path: Path = lake.home / LOCK
        with path.open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return
            assert lake.day is not None
            day = lake.day.as_of
            for name in REPORTS:
                ask_for_kind(lake, self._records, ReportChoice(name, ReportQuestion(day)))
            ask_for_accounts(lake, day, "branch")


def count_declared(lake: Lake) -> None:
    """Count the conditions of all segments and lists."""
    assert lake.day is not None
    day = lake.day.as_of
    segments = list_vocabulary(lake, readable_columns()).segments
    conditions = [read_where(lake, name) for name in segments]
    conditions += [
        check_definition(lake, definition).condition
        for definition in declared_definitions().values()
    ]
    count(lake, day, conditions)
