"""Commands to publish a day, to withdraw it, and to say what is published."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from features.errors import GuanjiaError
from guanjia.terminal.options import (
    Json,
    MaybeAsOf,
    MaybeNow,
    latest_date,
    open_lake,
    read_clock,
)
from guanjia.terminal.output import Table, emit, progress, table

if TYPE_CHECKING:
    from features.lake.pointer import PublishedDay
    from guanjia.jobs.publication.findings import Finding
    from guanjia.jobs.publication.publish import Publication


def publish(
    as_of: MaybeAsOf = None,
    accept: Annotated[
        str | None,
        typer.Option(metavar="REASON", help="Publish although bounds are broken; needs --who."),
    ] = None,
    who: Annotated[str | None, typer.Option(help="Who accepts the broken bounds.")] = None,
    now: MaybeNow = None,
    json: Json = False,
) -> None:
    """Check a day and make all of it visible at one instant.

    The exit code is 1 where a bound is broken: then nothing has changed.
    """
    from guanjia.jobs.publication.findings import Acceptance
    from guanjia.jobs.publication.publish import publish_day

    if (accept is None) != (who is None):
        raise GuanjiaError(
            "the acceptance", "lacks its reason or its person", 'give --accept "REASON" --who NAME'
        )
    lake = open_lake()
    on = as_of or latest_date(lake, "snapshots", "run `guanjia tags --as-of DATE`")
    by = Acceptance(who, accept) if accept is not None and who is not None else None
    with progress(json) as report:
        publication = publish_day(lake, on, now or read_clock(), report, accepted=by)
    emit(publication_payload(publication), json, *show_publication(publication, on.isoformat()))
    if publication.outcome == "refused":
        raise typer.Exit(1)


def withdraw(
    who: Annotated[str, typer.Option(help="Who withdraws the day.")],
    why: Annotated[str, typer.Option(help="Why; it goes on record.")],
    now: MaybeNow = None,
    json: Json = False,
) -> None:
    """Take the published day back: the publication before it is visible again."""
    from guanjia.jobs.publication.findings import Acceptance
    from guanjia.jobs.publication.publish import withdraw_day

    with progress(json) as report:
        day, back_to = withdraw_day(open_lake(), Acceptance(who, why), now or read_clock(), report)
    payload = {"withdrawn": day.as_json(), "visible": back_to.as_json()}
    emit(
        payload,
        json,
        f"{day.as_of} ({day.generation}) is withdrawn; {back_to.as_of} ({back_to.generation}) is "
        "visible again, everywhere.",
        f"Next: mend the delivery, run the steps of {day.as_of}, then guanjia publish --as-of "
        f"{day.as_of}",
    )


def published(now: MaybeNow = None, json: Json = False) -> None:
    """Show which day is visible, since when, and which days are missing."""
    from features.lake.pointer import kept_days, read_pointer
    from features.sources.raw_source import source_of
    from guanjia.jobs.publication.publish import missing_days
    from guanjia.jobs.publication.record import visible_generations

    lake = open_lake()
    day = read_pointer(lake.home)
    if day is None:
        emit(
            {"visible": None, "missing": [], "before": []},
            json,
            "Nothing is published: every command reads what the steps wrote last.",
            "Next: guanjia publish",
        )
        return
    # A simulated insurer does not live by our clock.
    time = now or (read_clock() if source_of(lake) is None else None)
    missing = missing_days(day, time, lake.settings.timezone) if time else []
    names = visible_generations(lake.home)
    available = {publication.generation for publication in kept_days(lake.home)}
    before = [name for name in names if name in available and name != day.generation]
    late = ", ".join(late_day.isoformat() for late_day in missing[:5])
    emit(
        {"visible": day.as_json(), "missing": missing, "before": before},
        json,
        f"{_name(day)} is visible since {day.published_at:%Y-%m-%d %H:%M} UTC.",
        f"Missing: {len(missing)} days ({late}{' ...' if len(missing) > 5 else ''})."
        if missing
        else "No day is missing.",
        f"Can be gone back to with guanjia withdraw: {before[-1]}."
        if before
        else "There is no publication before it to go back to.",
    )


def publication_payload(publication: "Publication") -> dict[str, Any]:
    """Return a publication as JSON values."""
    return {
        "outcome": publication.outcome,
        "visible": publication.day and publication.day.as_json(),
        "before": publication.before and publication.before.as_json(),
        "findings": [
            asdict(finding) | {"sentence": finding.sentence} for finding in publication.findings
        ],
        "missing": publication.missing,
    }


def show_publication(publication: "Publication", on: str) -> list[Table | str]:
    """Show what a publication did, for people."""
    day, before = publication.day, publication.before
    if publication.outcome == "refused":
        visible = f"{_name(before)} is still visible" if before else "nothing is published yet"
        return [
            _findings("Broken bounds", publication.findings),
            f"{on} is not published: {visible}, for the API, lists, capacity and exports alike.",
            "Next: mend the delivery and run the steps of the day again, or take it as it is: "
            f'guanjia publish --as-of {on} --accept "REASON" --who NAME',
        ]
    assert day is not None, "only a refused day leaves nothing visible"
    if publication.outcome == "older":
        return [
            f"{on} is before the day that is visible, {_name(day)}: nothing changed. To go back: "
            "guanjia withdraw --who NAME --why TEXT"
        ]
    if publication.outcome == "unchanged":
        return [f"{on} is published already with the same content: nothing changed."]
    story: list[Table | str] = []
    if publication.findings:
        story.append(_findings("Broken bounds, accepted and on record", publication.findings))
    since = f" It was {_name(before)} before." if before else ""
    story.append(f"{_name(day)} is visible now, everywhere.{since}")
    if publication.missing:
        days = ", ".join(late_day.isoformat() for late_day in publication.missing[:5])
        story.append(f"Never published in between: {len(publication.missing)} days ({days}).")
    return [*story, "Next: guanjia list, guanjia capacity, guanjia serve"]


def _findings(title: str, findings: "list[Finding]") -> Table:
    rows = [
        {
            "what": finding.thing,
            "is": finding.figure,
            "bound": finding.bound,
            "what it means": finding.meaning,
        }
        for finding in findings
    ]
    return table(title, rows)


def _name(day: "PublishedDay") -> str:
    return f"{day.as_of} ({day.generation})"
