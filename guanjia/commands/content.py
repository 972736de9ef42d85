"""What messages say: those that were sent, by sample, and one that somebody thinks of sending."""

import sys
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from guanjia.terminal.options import Json, day, lake, records
from guanjia.terminal.output import emit, from_here, table

MANAGERS_SHOWN = 20


def content_check(
    first: Annotated[
        date, typer.Option("--from", parser=day, metavar="YYYY-MM-DD", help="First day of sending.")
    ],
    last: Annotated[
        date, typer.Option("--to", parser=day, metavar="YYYY-MM-DD", help="Last day of sending.")
    ],
    seed: Annotated[
        str, typer.Option("--seed", help="Draws the sample; keep it secret until then.")
    ],
    share: Annotated[float, typer.Option("--share", help="Of each manager's messages.")] = 0.05,
    sample: Annotated[
        int, typer.Option("--sample", help="Messages of each manager at least.")
    ] = 10,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write the managers here, as CSV.")
    ] = None,
    findings: Annotated[
        Path | None, typer.Option("--findings", help="Write what was found here, as CSV.")
    ] = None,
    json: Json = False,
) -> None:
    """Check a sample of the messages that were sent."""
    from serving.content.check import load_content_check
    from serving.content.quality_check import check_quality
    from serving.records.contacts.sent_messages import sent_messages
    from serving.spreadsheet import write_csv

    where = lake()
    with records(where) as kept:
        sent = sent_messages(where, kept, first, last)
    content_check = load_content_check(where.home)
    found = check_quality(content_check, sent.messages, seed=seed, share=share, least=sample)
    parts: dict[str, list[Any]] = {
        name: getattr(found, name).to_dict("records")
        for name in ("branches", "managers", "findings")
    }
    last_words = []
    for path, name in ((out, "managers"), (findings, "findings")):
        if path is not None:
            frame = getattr(found, name)
            write_csv(path, list(frame), frame.itertuples(index=False))
            last_words.append(f"The {name}: {from_here(path.resolve())}")
    title = f"{found.sent:,} messages from {first} to {last}, {found.checked:,} checked"
    shown: list[Any] = [table(f"{title}: by branch", parts["branches"])] if found.sent else [title]
    if parts["managers"]:
        worst = parts["managers"][:MANAGERS_SHOWN]
        shown.append(table(f"The first {len(worst)} of {len(parts['managers'])} managers", worst))
    if sent.wordless:
        last_words.insert(0, f"{sent.wordless:,} contacts have no text: calls are not checked.")
    summary = {"sent": found.sent, "checked": found.checked, "wordless": sent.wordless}
    emit({**summary, **parts}, json, *shown, *last_words)


def content_try(
    text: Annotated[str, typer.Argument(help="The message.")],
    channel: Annotated[str, typer.Option("--channel", help="How it would be sent.")],
    kind: Annotated[str, typer.Option("--kind", help="marketing or service")] = "marketing",
    json: Json = False,
) -> None:
    """Say whether a message may be sent, and why not.

    The exit code is 1 if it may not, or if a person must look first.
    """
    from serving.content.check import load_content_check

    found = load_content_check(lake().home).check(text, channel=channel, kind=kind)  # type: ignore[arg-type]
    told = "may be sent"
    if not found.allowed:
        told = "may not be sent" if found.blocked else "may be sent once a person has looked at it"
    lines = [f"{one.severity}: {one.chinese}\n  {one.english}" for one in found.findings]
    payload = {"allowed": found.allowed, "blocked": found.blocked, "parts": found.parts}
    findings = [asdict(one) for one in found.findings]
    emit({**payload, "findings": findings}, json, f"It {told}.", *lines)
    if not found.allowed:
        sys.exit(1)
