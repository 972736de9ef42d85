"""Commands to back a home up, to restore it, and to measure how long that takes."""

import shutil
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from features.errors import GuanjiaError
from guanjia.terminal.options import Json, open_lake, read_clock
from guanjia.terminal.output import emit, progress, short_path, table


def backup(
    target: Annotated[
        Path, typer.Argument(help="A folder to be made, or a file that ends in .tar.")
    ],
    keys: Annotated[
        Path | None,
        typer.Option("--keys", help="Write the keys here; keep them apart from the backup."),
    ] = None,
    without_derived: Annotated[
        bool,
        typer.Option("--without-derived", help="Leave out what can be computed again."),
    ] = False,
    json: Json = False,
) -> None:
    """Back the home up while it is in use: files, registry, events, records.

    Hashes of all files stand in its manifest.
    """
    from guanjia.jobs.backups.backup import back_up, what_is_missing, write_keys

    lake = open_lake()
    with progress(json) as report:
        manifest = back_up(lake, target, read_clock(), report, derived=not without_derived)
    names = write_keys(lake, keys) if keys is not None else []
    missing = what_is_missing(lake)
    about = "" if manifest.derived else " without what can be computed again"
    shown = [
        f"{short_path(target)}: {len(manifest.entries):,} files, {manifest.size:,} bytes, of the"
        f" home as it was at {manifest.began_at:%Y-%m-%d %H:%M:%S} UTC{about}.",
        *missing,
        f"Keys are in {short_path(keys)}: keep that file apart from the backup."
        if keys is not None
        else "Keys are not in it: without erasure.key nobody recognises the erased customers after"
        " a restore. --keys FILE writes the keys, to be kept apart.",
        f"Next: guanjia restore {short_path(target)} --drill",
    ]
    payload = {
        "backup": target,
        "files": len(manifest.entries),
        "bytes": manifest.size,
        "began_at": manifest.began_at,
        "records": manifest.records,
        "derived": manifest.derived,
        "keys": names,
        "missing": missing,
    }
    emit(payload, json, *shown)


def restore(
    source: Annotated[Path, typer.Argument(metavar="BACKUP", help="What `guanjia backup` wrote.")],
    home: Annotated[
        Path | None, typer.Option("--home", help="The new home: a folder that is empty or new.")
    ] = None,
    keys: Annotated[
        Path | None, typer.Option("--keys", help="The file that `guanjia backup --keys` wrote.")
    ] = None,
    erased: Annotated[
        list[Path] | None,
        typer.Option(
            "--erased",
            help="A newer erased.json, or a copy of GUANJIA_ERASURES_COPY: whom to erase anew.",
        ),
    ] = None,
    drill: Annotated[
        bool,
        typer.Option("--drill", help="Restore into a scratch folder, check it, and remove it."),
    ] = False,
    json: Json = False,
) -> None:
    """Restore a backup on another path or machine, without customers erased since."""
    if drill == (home is not None):
        raise GuanjiaError("restore", "needs a place", "give --home FOLDER, or --drill")
    lists = erased or []
    if home is not None:
        _restore(source, home, keys, lists, json)
        return
    with tempfile.TemporaryDirectory(prefix="guanjia-drill-", dir=source.resolve().parent) as place:
        _drill(source, Path(place) / "home", keys, lists, json)


def _restore(source: Path, home: Path, keys: Path | None, lists: list[Path], json: bool) -> None:
    from features import settings
    from features.tags.extensions import load_extensions
    from guanjia.jobs.backups.restore import restore as restore_home

    place = settings.load().model_copy(update={"home": home.expanduser().resolve()})
    load_extensions(place.home)
    with progress(json) as report:
        done = restore_home(source, place, read_clock(), report, keys=keys, erasures=lists)
    rows = [{"place": name, "rows": number} for name, number in done.rows_erased.items()]
    manifest = done.manifest
    shown: list[Any] = [table("Erased since the backup, and again now", rows)] if rows else []
    shown += [
        f"{short_path(path)} still names {manifest.home}, or an erased customer: look at it"
        for path in done.left
    ]
    shown += [
        f"{done.home} is the home of {manifest.began_at:%Y-%m-%d %H:%M:%S} UTC."
        f" {done.erased} customers who had been erased were erased from it.",
        *next_steps(manifest, done.home),
    ]
    payload = asdict(done) | {"manifest": None, "began_at": manifest.began_at}
    emit(payload, json, *shown)


def next_steps(manifest: Any, home: Path) -> list[str]:
    """Say what to run after a restore.

    Parameters
    ----------
    manifest : guanjia.jobs.backups.manifest.Manifest
        What the backup held.
    home : Path
        The new home.
    """
    steps = ["Tokens issued before are valid only with the token.key of --keys."]
    if not manifest.derived:
        day = manifest.latest or "DATE"
        steps.append(
            "What can be computed was left out. Next: "
            f"guanjia check && guanjia tags --as-of {day} && guanjia quality --as-of {day}"
            f" && guanjia segments --as-of {day} && guanjia score --as-of {day}"
            f" && guanjia triggers --as-of {day} && guanjia publish --as-of {day}"
        )
    else:
        steps.append(f"Next: GUANJIA_HOME={home} guanjia serve")
    return steps


def _drill(source: Path, home: Path, keys: Path | None, lists: list[Path], json: bool) -> None:
    from features import settings
    from guanjia.jobs.backups.readiness import check_restored
    from guanjia.jobs.backups.restore import restore as restore_home

    place = settings.load()
    if place.database is not None:
        cure = "unset GUANJIA_DATABASE, or restore into an empty database with --home"
        raise GuanjiaError("a drill", "must not write to your database", cure)
    place = place.model_copy(update={"home": home.resolve(), "online": "sqlite",
                                     "erasures_copy": None})  # fmt: skip
    began = time.monotonic()
    with progress(json) as report:
        done = restore_home(source, place, read_clock(), report, keys=keys, erasures=lists)
        checks = check_restored(place, report)
    recovery = time.monotonic() - began
    shutil.rmtree(home)
    lost = (read_clock() - done.manifest.began_at).total_seconds()
    payload = {
        "rpo_seconds": lost,
        "rto_seconds": recovery,
        "bytes": done.manifest.size,
        "erased": done.erased,
        "checks": checks,
    }
    emit(
        payload,
        json,
        table("What the restored home can do", [asdict(check) for check in checks]),
        f"RPO {lost:,.0f} s: what was acknowledged since {done.manifest.began_at:%Y-%m-%d %H:%M:%S}"
        " UTC would be lost if the machine failed now.",
        f"RTO {recovery:,.1f} s: {done.manifest.size:,} bytes restored and checked. The scratch"
        " folder is removed.",
    )
    if not all(check.good for check in checks):
        raise typer.Exit(1)
