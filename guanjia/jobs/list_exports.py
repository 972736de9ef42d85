"""Export the members of a release to a file: noted in the records first, marked with its number."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from features.errors import GuanjiaError
from serving.lists.export.files import ExportFile, export_format, write_export
from serving.lists.export.streams import Encoding
from serving.lists.listing import Viewer
from serving.lists.released.members import Member
from serving.lists.released.releases import Release
from serving.lists.released.rows import describe_export, member_rows, release_columns
from serving.lists.service import ListService
from serving.records.database import LONG_SECONDS, Records
from serving.records.people.audit import note_export


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
    masked: bool = False,
    encoding: Encoding = "utf-8",
) -> ExportFile:
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
        The file, which must not be there; its ending is the format (`write_export`).
    viewer : Viewer
        Who takes it, and whose customers they see.
    why : str
        What for.
    at : datetime
        Now.
    with_holdout : bool
        Keep the customers of the holdout, marked; default: they are left out.
    masked : bool
        Mask personal data.
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
    columns = release_columns(release.definition)

    def chosen() -> Iterator[Member]:
        for member in lists.members(release, viewer):
            if with_holdout or not member.in_holdout:
                yield member

    customers = [member.customer_id for member in chosen()]
    headings = [column.heading for column in columns]
    with records.writing(durable=True) as connection:
        number = note_export(connection, viewer.who, release.name, headings, customers, at, why)
    about = describe_export(lists.lake, release, number, viewer.who, why, at, masked=masked)
    with records.reading(LONG_SECONDS) as connection:
        rows = member_rows(lists.lake, release, chosen(), connection)
        return write_export(out, columns, rows, about, encoding)
