"""`/v1/lists/{name}/releases`: freeze a list, approve it, read and export its members."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Literal

from fastapi import Path as InPath
from fastapi import Query, Request
from fastapi.responses import StreamingResponse
from pydantic import Field

from features.lake import Lake
from serving.api.guard import caller, guarded, note
from serving.api.marketing.lists import Limit, ListName, Skip
from serving.api.marketing.opened_lists import opened
from serving.api.refusals import refusal_schemas
from serving.lists.export.about import AboutExport
from serving.lists.export.columns import ExportColumn, shown_value
from serving.lists.export.files import write_export
from serving.lists.export.streams import Encoding, stream_csv, stream_json, stream_json_lines
from serving.lists.listing import Viewer
from serving.lists.released.members import Member
from serving.lists.released.reading import verify_members
from serving.lists.released.releases import Release
from serving.lists.released.rows import describe_export, member_rows, release_columns
from serving.lists.service import ListService
from serving.records.database import LONG_SECONDS
from serving.records.people.audit import note_export
from serving.schemas import NO_NUL, Message

router = guarded()
READ_PERSONAL = "customers:read"
LATEST = "latest"
CHUNK_BYTES = 1 << 20
Format = Literal["csv", "gb18030", "xlsx", "parquet", "json", "ndjson"]
MEDIA_TYPES: Mapping[str, str] = {
    "csv": "text/csv; charset=utf-8",
    "gb18030": "text/csv; charset=gb18030",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "parquet": "application/vnd.apache.parquet",
    "json": "application/json",
    "ndjson": "application/x-ndjson",
}
PATH = "/v1/lists/{name}/releases"
ReleaseId = Annotated[
    str, InPath(pattern="^([0-9a-f]{15,64}|latest)$", description="Its id, or `latest`.")
]


class ReleaseAsked(Message):
    """What of a list to release."""

    version: int | None = Field(default=None, ge=0, description="Default: the latest.")
    as_of: date | None = Field(default=None, description="Date of the scores; default: the latest.")


class Approval(Message):
    """The approval of a release, by the hash of what was looked at."""

    content_hash: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class ReleaseTold(Message):
    """A release of a list."""

    release_id: str
    name: str
    version: int
    as_of: date
    state: str
    content_hash: str
    released_by: str
    released_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    model_versions: str
    snapshot_id: str
    members: int | None = Field(
        description="Frozen members; null to a token of branches that the release goes beyond."
    )
    left_out: dict[str, int] | None = Field(description="Rule -> customers it took; null likewise.")


class ReleasesTold(Message):
    """Releases of a list, the latest first."""

    releases: list[ReleaseTold]


class MemberTold(Message):
    """A member of a release; names and numbers are masked."""

    place: int
    customer_id: str
    name: str | None
    phone: str | None
    star: int | None
    branch: str | None
    manager: str | None
    plate: str | None
    expiry: date | None
    last_contact: date | None
    probability: float
    expected_value: float | None
    margin: float | None
    day: int
    consent: str
    in_holdout: bool
    reasons: str


class MembersTold(Message):
    """A page of the members of a release."""

    release_id: str
    content_hash: str
    erased_since: int = Field(description="Members who were erased since the release.")
    members: list[MemberTold]


@router.post(PATH, response_model=ReleaseTold, responses=refusal_schemas(404, 413, 422, 503))
def release_now(request: Request, name: ListName, body: ReleaseAsked) -> ReleaseTold:
    """Release a list: freeze who is on it now, under a hash.

    \f
    Parameters
    ----------
    request : Request
        The request.
    name : str
        The list.
    body : ReleaseAsked
        Version and date.
    """
    with opened(request) as (lists, viewer, at):
        return _answer_release(lists.release(name, viewer, at, body.version, body.as_of), viewer)


@router.get(PATH, response_model=ReleasesTold, responses=refusal_schemas(404, 503))
def list_releases(request: Request, name: ListName) -> ReleasesTold:
    """List the releases of a list, the latest first."""
    with opened(request) as (lists, viewer, _):
        lists.version(name)
        releases = lists.releases(name)
        return ReleasesTold(releases=[_answer_release(release, viewer) for release in releases])


@router.post(
    f"{PATH}/{{release_id}}/approval",
    response_model=ReleaseTold,
    responses=refusal_schemas(404, 409, 413, 422, 503),
)
def approve_release(
    request: Request, name: ListName, release_id: ReleaseId, body: Approval
) -> ReleaseTold:
    """Approve a release that waits for a second person.

    \f
    Parameters
    ----------
    request : Request
        The request.
    name, release_id : str
        The list, and its release.
    body : Approval
        The hash of what was looked at.
    """
    with opened(request) as (lists, viewer, at):
        lists.find(name, release_id)
        return _answer_release(lists.approve(release_id, body.content_hash, viewer, at), viewer)


@router.get(
    f"{PATH}/{{release_id}}/members",
    response_model=MembersTold,
    responses=refusal_schemas(404, 409, 422, 503),
)
def release_members(
    request: Request, name: ListName, release_id: ReleaseId, start: Skip = 0, limit: Limit = 100
) -> MembersTold:
    """Read the members of a release, names and numbers masked; whoever approves it may look.

    \f
    Parameters
    ----------
    request : Request
        The request.
    name, release_id : str
        The list, and its release.
    start, limit : int
        Members to skip, and of a page.
    """
    return _page(request, name, release_id, start, limit, masked=True)


@router.get(
    f"{PATH}/{{release_id}}/people",
    response_model=MembersTold,
    responses=refusal_schemas(404, 409, 422, 503),
)
def release_people(
    request: Request, name: ListName, release_id: ReleaseId, start: Skip = 0, limit: Limit = 100
) -> MembersTold:
    """Read the members of a release with names and numbers as they are.

    \f
    Parameters
    ----------
    request : Request
        The request.
    name, release_id : str
        The list, and its release.
    start, limit : int
        Members to skip, and of a page.
    """
    return _page(request, name, release_id, start, limit, masked=False)


@router.get(
    f"{PATH}/{{release_id}}/file",
    response_class=StreamingResponse,
    responses=refusal_schemas(404, 409, 422, 503),
)
def export_file(
    request: Request,
    name: ListName,
    release_id: ReleaseId,
    format: Annotated[Format, Query(description="Of the file.")] = "csv",
    why: Annotated[str, Query(min_length=1, max_length=200, pattern=NO_NUL)] = "marketing",
) -> StreamingResponse:
    """Export those who are sent, streamed; masked unless the token may read customers.

    \f
    Parameters
    ----------
    request : Request
        The request.
    name, release_id : str
        The list, and its release.
    format : str
        csv (UTF-8 with byte-order mark), gb18030 (CSV), xlsx, parquet, json or ndjson.
    why : str
        What for; kept with the export.
    """
    masked = READ_PERSONAL not in caller(request).scopes
    with opened(request) as (lists, viewer, at):
        release = lists.find(name, None if release_id == LATEST else release_id)
        columns = release_columns(release.definition)
        customers = [member.customer_id for member in _sent(lists, release, viewer)]
        headings = [column.heading for column in columns]
        with request.app.state.records.writing(durable=True) as connection:
            number = note_export(connection, viewer.who, release.name, headings, customers, at, why)
        about = describe_export(lists.lake, release, number, viewer.who, why, at, masked=masked)
    ending = "csv" if format == "gb18030" else format
    file = f"{name}-{release.as_of}-{number}.{ending}"
    return StreamingResponse(
        _content(request, release, columns, about, format),
        media_type=MEDIA_TYPES[format],
        headers={"Content-Disposition": f'attachment; filename="{file}"'},
    )


def _content(
    request: Request,
    release: Release,
    columns: list[ExportColumn],
    about: AboutExport,
    form: Format,
) -> Iterator[bytes]:
    """Yield the bytes of an export; rows are read as they are sent."""
    records = request.app.state.records
    with (
        opened(request) as (lists, viewer, _),
        records.reading(LONG_SECONDS) as connection,
    ):
        rows = member_rows(lists.lake, release, _sent(lists, release, viewer), connection)
        if form in ("csv", "gb18030"):
            encoding: Encoding = "gb18030" if form == "gb18030" else "utf-8"
            yield from stream_csv(columns, rows, about, encoding)
        elif form == "json":
            yield from stream_json(columns, rows, about)
        elif form == "ndjson":
            yield from stream_json_lines(columns, rows, about)
        else:
            # Their directories stand at the end of the file, so they are written before they go.
            with TemporaryDirectory(dir=_scratch(lists.lake)) as folder:
                path = Path(folder) / f"export.{form}"
                write_export(path, columns, rows, about)
                with path.open("rb") as file:
                    while part := file.read(CHUNK_BYTES):
                        yield part


def _scratch(lake: Lake) -> Path:
    folder = lake.home / "tmp"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _sent(lists: ListService, release: Release, viewer: Viewer) -> Iterator[Member]:
    return (member for member in lists.members(release, viewer) if not member.in_holdout)


def _page(
    request: Request, name: str, release_id: str, start: int, limit: int, *, masked: bool
) -> MembersTold:
    """Read a page of members, and note whose data was read."""
    with opened(request) as (lists, viewer, _):
        release = lists.find(name, None if release_id == LATEST else release_id)
        members = list(lists.members(release, viewer, start, limit, waiting=True))
        erased = verify_members(lists.lake, release)
        with request.app.state.records.reading() as connection:
            rows = list(member_rows(lists.lake, release, members, connection))
        columns = release_columns(release.definition)
    answers = []
    for row in rows:
        values = {
            column.name: shown_value(column, value, masked) if column.personal else value
            for column, value in zip(columns, row, strict=True)
        }
        values["probability"] = values.pop(release.definition.model)
        answers.append(MemberTold(**{name: values[name] for name in MemberTold.model_fields}))
    if answers:
        note(request, [member.customer_id for member in answers])
    return MembersTold(
        release_id=release.release_id,
        content_hash=release.content_hash,
        erased_since=erased,
        members=answers,
    )


def _answer_release(release: Release, viewer: Viewer) -> ReleaseTold:
    """Tell a release; counts of other branches are not for a token of some."""
    branches = release.document["branches"]
    sees_all = viewer.branches is None or (branches is not None and {*branches} <= viewer.branches)
    fields = {
        name: value
        for name, value in vars(release).items()
        if name in ReleaseTold.model_fields and name != "members"
    }
    return ReleaseTold(
        **fields,
        model_versions=release.document["model_versions"],
        snapshot_id=release.document["snapshot_id"],
        members=release.members if sees_all else None,
        left_out=release.document["left_out"] if sees_all else None,
    )
