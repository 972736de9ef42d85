"""A target list handed to somebody: without those who refused since, and noted in the records."""

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

from features.lake import Lake
from guanjia.terminal.options import records
from serving.lists.target_lists import Listed, write_list
from serving.records.people.audit import note_export
from serving.records.people.consents import read_refusals


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
) -> Listed:
    """Write a target list for `who`, for the purpose `why`, at `at`.

    The note is kept before the file is written: who took which customers' data away is known even
    where the file was not finished.

    Raises
    ------
    GuanjiaError
        If the list cannot be made, or the records do not answer: then there is no file.
    """
    with records(lake) as kept:

        def note(columns: Sequence[str], customers: Sequence[str]) -> None:
            with kept.writing(durable=True) as connection:
                note_export(connection, who, name, columns, customers, at, why)

        with kept.reading() as connection:
            refused = read_refusals(connection, at)
        return write_list(lake, name, as_of, where, top, out=out, refused=refused, note=note)
