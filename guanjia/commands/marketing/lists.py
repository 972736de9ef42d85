"""Commands to define, preview, explain, release and export target lists."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from guanjia.commands.marketing.list_tables import preview_tables, why_tables
from guanjia.terminal.options import (
    Json,
    ListName,
    ListSource,
    ListVersion,
    MaybeAsOf,
    Who,
    open_published,
    open_records,
)
from guanjia.terminal.output import emit, short_path, table


@contextmanager
def _opened(as_of: Any = None) -> Iterator[tuple[Any, Any, Any]]:
    """Open the lists of the home, with its records and its clock."""
    from serving import clock
    from serving.lists.service import ListService

    lake = open_published(as_of)
    with open_records(lake) as records:
        yield ListService(lake, records), records, clock.now(lake.settings)


def _viewer(who: str | None) -> Any:
    from serving.lists.listing import Viewer

    return Viewer(who or getpass.getuser())


def _definition(lists: Any, source: str, version: int | None = None) -> Any:
    """Take a definition from a file, or from the records by the name of its list."""
    from serving.lists.definitions.definition import load_definition

    if source.endswith((".toml", ".json")):
        return load_definition(Path(source))
    return lists.version(source, version).definition


def show(
    name: Annotated[str | None, typer.Argument(metavar="LIST", help="Default: all lists.")] = None,
    version: ListVersion = None,
    json: Json = False,
) -> None:
    """Show the lists there are, or one list with its versions and where it is used."""
    with _opened() as (lists, _, _):
        if name is None:
            rows = [
                {
                    "list": details.definition.name,
                    "label": details.definition.label,
                    "version": details.version,
                    "author": details.author,
                    "where": details.definition.where or "-",
                }
                for details in lists.lists().values()
            ]
            emit(rows, json, table("Lists 名单", rows))
            return
        details, use = lists.version(name, version), lists.use(name)
        versions = lists.versions(name)
    fields = [
        {"field": field, "value": str(value)}
        for field, value in details.definition.document().items()
        if value not in (None, "", [], {})
    ]
    history = [
        {"version": item.version, "author": item.author, "made_at": str(item.made_at or "-"),
         "note": item.note, "hash": item.hash[:12]}
        for item in versions
    ]  # fmt: skip
    payload = {
        "definition": details.definition.document(),
        "version": details.version,
        "versions": history,
        "use": vars(use),
    }
    used = f"released {use.releases} times"
    if use.excluded_by:
        used += f"; left out by {', '.join(use.excluded_by)}"
    if use.campaigns:
        used += f"; drawn by campaigns {', '.join(use.campaigns)}"
    title = f"{details.definition.label} {name}, version {details.version}"
    emit(payload, json, table(title, fields), table("Versions 版本", history), used)


def define(
    file: Annotated[Path, typer.Argument(help="A .toml or .json file (docs/lists.md).")],
    note: Annotated[str, typer.Option("--note", help="Why it is written or changed.")] = "",
    who: Who = None,
    json: Json = False,
) -> None:
    """Store a definition as the next version of its list."""
    from serving.lists.definitions.definition import load_definition

    definition = load_definition(file)
    with _opened() as (lists, _, at):
        written = lists.define(definition, _viewer(who), note, at)
    payload = {"name": definition.name, "version": written.version, "hash": written.hash}
    preview_hint = f"Next: guanjia lists preview {definition.name}"
    emit(payload, json, f"{definition.name} is version {written.version}. {preview_hint}")


def diff(
    name: ListName,
    before: Annotated[int, typer.Option("--before", help="The earlier version.")],
    after: Annotated[int | None, typer.Option("--after", help="Default: the latest.")] = None,
    json: Json = False,
) -> None:
    """Say in words how two versions of a list differ."""
    with _opened() as (lists, _, _):
        changes = lists.diff(name, before, after)
    sentences = [f"{change.chinese}\n{change.english}" for change in changes]
    emit([vars(change) for change in changes], json, *(sentences or ["the versions are the same"]))


def count(
    source: ListSource,
    where: Annotated[str | None, typer.Option(help='"星级 ≥ 3 且 渠道 = 代理"')] = None,
    as_of: MaybeAsOf = None,
    json: Json = False,
) -> None:
    """Count who meets the condition of a list; nothing is written or recorded."""
    with _opened(as_of) as (lists, _, _):
        counts = lists.count(_definition(lists, source), _viewer(None), where, as_of)
    counted = counts.conditions[0]
    parts = [
        {"customers": f"{part.customers:,}", "unknown": f"{part.unknown:,}", "part": part.chinese}
        for part in counted.parts
    ]
    summary = f"{counted.customers:,} of {counts.customers:,} customers meet the condition"
    emit(
        vars(counts) | {"customers": counted.customers, "of": counts.customers},
        json,
        table("parts of the condition", parts),
        *(hint.english for hint in counted.hints),
        summary,
    )


def overlap(
    names: Annotated[list[str], typer.Argument(metavar="LIST...", help="Two lists or more.")],
    as_of: MaybeAsOf = None,
    json: Json = False,
) -> None:
    """Count who meets the conditions of several lists, before any gate."""
    with _opened(as_of) as (lists, _, _):
        shared = lists.overlap_of_lists(names, _viewer(None), as_of)
    rows = [
        {"list": name} | {other: f"{both:,}" for other, both in shared.of(name).items()}
        for name in shared.sizes
    ]
    emit(shared, json, table("overlap", rows), f"{shared.in_any:,} customers are on any of them")


def preview(
    source: ListSource,
    rule: Annotated[
        str | None, typer.Option("--rule", help="List the customers behind a number instead.")
    ] = None,
    as_of: MaybeAsOf = None,
    who: Who = None,
    json: Json = False,
) -> None:
    """Preview a list: who is taken by which rule, who is sent, what it is worth."""
    with _opened(as_of) as (lists, records, at):
        definition = _definition(lists, source)
        if rule is None:
            details = lists.preview(definition, _viewer(who), at, as_of)
            emit(details, json, *preview_tables(details))
            return
        customers = lists.preview_members(definition, _viewer(who), at, rule, as_of)
        _note_read(records, who, "guanjia lists preview", customers, at)
    emit({"rule": rule, "customer_ids": customers}, json, *customers)


def why(
    source: ListSource,
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER", help="A customer.")],
    as_of: MaybeAsOf = None,
    who: Who = None,
    json: Json = False,
) -> None:
    """Say why a customer is on a list or not."""
    with _opened(as_of) as (lists, records, at):
        details = lists.why(_definition(lists, source), customer, _viewer(who), at, as_of)
        _note_read(records, who, "guanjia lists why", [customer], at)
    emit(details, json, *why_tables(details))


def release(
    name: ListName,
    version: ListVersion = None,
    as_of: MaybeAsOf = None,
    who: Who = None,
    json: Json = False,
) -> None:
    """Release a list: freeze who is on it now, under a hash."""
    with _opened(as_of) as (lists, _, at):
        done = lists.release(name, _viewer(who), at, version, as_of)
    words = f"{done.members - done.document['held_out']:,} customers of {name}"
    held_out = f"{done.document['held_out']:,} more of the holdout are frozen with them"
    waits = f"It waits: guanjia lists approve {name} --hash {done.content_hash}"
    follow = waits if done.state == "waiting" else f"Next: guanjia lists export {name} --out FILE"
    emit(done, json, f"Release {done.release_id}: {words}; {held_out}.",
         f"Hash {done.content_hash}", follow)  # fmt: skip


def approve(
    name: Annotated[
        str, typer.Argument(metavar="LIST", help="The list, or the id of its release.")
    ],
    content_hash: Annotated[str, typer.Option("--hash", help="The hash of what you looked at.")],
    who: Who = None,
    json: Json = False,
) -> None:
    """Approve a release that waits for a second person."""
    with _opened() as (lists, _, at):
        release_id = lists.waiting(name, content_hash)
        done = lists.approve(release_id, content_hash, _viewer(who), at)
    emit(done, json, f"Release {done.release_id} of {done.name} is approved by {done.approved_by}")


def releases(
    name: Annotated[str | None, typer.Argument(metavar="LIST", help="Default: all lists.")] = None,
    json: Json = False,
) -> None:
    """Show what was released, the latest first."""
    with _opened() as (lists, _, _):
        details = lists.releases(name)
    rows = [
        {"release": item.release_id, "list": f"{item.name} {item.version}",
         "as_of": item.as_of, "members": item.members, "state": item.state,
         "by": " + ".join(filter(None, (item.released_by, item.approved_by)))}
        for item in details
    ]  # fmt: skip
    emit(details, json, table("Releases 发布", rows) if rows else "nothing was released")


def export(
    name: ListName,
    out: Annotated[Path, typer.Option("--out", help="A new file: .csv, .xlsx, .parquet, .json.")],
    release_id: Annotated[
        str | None, typer.Option("--release", help="Default: the latest that is approved.")
    ] = None,
    with_holdout: Annotated[
        bool, typer.Option("--with-holdout", help="Keep the holdout, marked in a column.")
    ] = False,
    masked: Annotated[bool, typer.Option("--masked", help="Mask names and numbers.")] = False,
    gb18030: Annotated[
        bool, typer.Option("--gb18030", help="CSV for older Excel; default: UTF-8.")
    ] = False,
    who: Who = None,
    reason: Annotated[str, typer.Option("--why", help="What for; kept with it.")] = "marketing",
    json: Json = False,
) -> None:
    """Export the members of a release to a new file; who takes them is recorded first."""
    from guanjia.jobs.list_exports import export_release

    with _opened() as (lists, records, at):
        done = export_release(
            lists,
            records,
            lists.find(name, release_id),
            out,
            _viewer(who),
            reason,
            at,
            with_holdout=with_holdout,
            masked=masked,
            encoding="gb18030" if gb18030 else "utf-8",
        )
    emit(done, json, f"{done.rows:,} customers in {short_path(done.path)}, export {done.export_id}")


def _note_read(records: Any, who: str | None, what: str, customers: list[str], at: Any) -> None:
    """Record who looked at which customers."""
    from serving.records.people.audit import access_row, insert_accesses

    if customers:
        row = access_row(who or getpass.getuser(), what, customers, at, "marketing")
        with records.writing() as connection:
            insert_accesses(connection, [row])
