"""Hand out a target list: without customers who refused since, and noted in the records."""

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

from features.lake import Lake
from guanjia.terminal.options import open_records
from serving.lists.target_lists import ListRun, write_list
from serving.records.database import LONG_SECONDS
from serving.records.people.audit import note_export


def free_path(path: Path) -> Path:
    """Return a path that no file has yet: the path itself, or one with a number."""
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return free


def hand_out(
    lake: Lake,
    name: str,
    as_of: date,
    where: str | None = None,
    top: int = 500,
    *,
    out: Path,
    who: str,
    why: str,
    at: datetime,
    with_holdout: bool = False,
) -> ListRun:
    """Write a target list and note in the records who takes it.

    The note is written before the file: the records know who took which customers' data even where
    the file was not finished.

    Parameters
    ----------
    lake : Lake
        The home with scores and records.
    name : str
        A declared list, such as `renewal_risk`.
    as_of : date
        Date of the scores.
    where : str, optional
        Narrows the list's own condition, over tags and predictions; may name segments.
    top : int
        Rows at most.
    out : Path
        The file to write.
    who : str
        Who takes the list.
    why : str
        For which purpose.
    at : datetime
        The current time (UTC); refusals and contacts up to then count.
    with_holdout : bool
        Keep the customers of the holdout, marked; default: they are left out, so that a list
        worked by hand leaves the control group of `/decide` in peace.

    Returns
    -------
    ListRun
        Counts, reasons for leaving customers out, and the first rows.

    Raises
    ------
    GuanjiaError
        If the list cannot be made, or the records do not answer; then there is no file.
    """
    with open_records(lake) as records:

        def note(columns: Sequence[str], customers: Sequence[str]) -> str:
            with records.writing(durable=True) as connection:
                return note_export(connection, who, name, columns, customers, at, why)

        with records.reading(LONG_SECONDS) as connection:
            return write_list(
                lake,
                name,
                as_of,
                where,
                top,
                out=out,
                at=at,
                connection=connection,
                note=note,
                with_holdout=with_holdout,
                who=who,
                why=why,
            )
