"""Export the members of a release to a file: noted in the records first, marked with its number."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from features.errors import GuanjiaError
from serving.lists.export.columns import with_mark
from serving.lists.export.files import export_format, write_export
from serving.lists.export.streams import Encoding
from serving.lists.release_rows import Cell, about_release, export_columns, member_rows
from serving.lists.releases import Release
from serving.lists.service import ListService, Viewer
from serving.records.database import LONG_SECONDS, Records
from serving.records.people.audit import note_export


@dataclass(frozen=True)
class ListExport:
    """An export of a release.

    Attributes
    ----------
    export_id : str
        Its number in the records; each row of the file has it too.
    release_id : str
        The release.
    path : Path
        The file.
    rows : int
        Customers in it.
    """

    export_id: str
    release_id: str
    path: Path
    rows: int


def export_release(
    lists: ListService,
    records: Records,
    release: Release,
    out: Path,
    viewer: Viewer,
    why: str,
    at: datetime,
    *,
    with_holdout: bool = False,
    encoding: Encoding = "utf-8",
) -> ListExport:
    """Export a release to a new file.

    Parameters
    ----------
    lists : ListService
        The lists of the home.
    records : Records
        Where the export is noted before the file is written.
    release : Release
        The release; one that waits for approval cannot be exported.
    out : Path
        The file; it must not be there.
    viewer : Viewer
        Who takes it, and whose customers they see.
    why : str
        What for.
    at : datetime
        Now.
    with_holdout : bool
        Keep the customers of the holdout, marked; default: they are left out.
    encoding : {"utf-8", "gb18030"}
        Of CSV.

    Raises
    ------
    GuanjiaError
        If the file is there, its ending is no format, the release waits, or the records do not
        answer.
    """
    export_format(out)
    if out.exists():
        raise GuanjiaError(f"file {out}", "is there already", "give another name: nothing is lost")
    columns = export_columns(release.definition)
    names = [column.heading for column in with_mark(columns)]

    def chosen() -> Iterator[str]:
        for member in lists.members(release, viewer):
            if with_holdout or not member.in_holdout:
                yield member.customer_id

    customers = list(chosen())
    with records.writing(durable=True) as connection:
        export_id = note_export(connection, viewer.who, release.name, names, customers, at, why)
    with records.reading(LONG_SECONDS) as connection:

        def rows() -> Iterator[list[Cell]]:
            members = (
                member
                for member in lists.members(release, viewer)
                if with_holdout or not member.in_holdout
            )
            for batch in member_rows(lists.lake, release, members, connection, masked=False):
                yield from batch

        about = about_release(
            lists.lake, release, export_id, who=viewer.who, why=why, at=at, masked=False
        )
        done = write_export(out, columns, rows(), about, encoding)
    return ListExport(export_id, release.release_id, out, done.rows)
