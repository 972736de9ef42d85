"""Commands to check texts of messages: a sample of those sent, and a single draft."""

import sys
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from guanjia.terminal.options import Json, open_lake, open_records, parse_day
from guanjia.terminal.output import emit, short_path, table

MANAGERS_SHOWN = 20


def content_check(
    first: Annotated[
        date,
        typer.Option(
            "--from", parser=parse_day, metavar="YYYY-MM-DD", help="First day of sending."
        ),
    ],
    last: Annotated[
        date,
        typer.Option("--to", parser=parse_day, metavar="YYYY-MM-DD", help="Last day of sending."),
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
        Path | None, typer.Option("--findings", help="Write the findings here, as CSV.")
    ] = None,
    json: Json = False,
) -> None:
    """Check a sample of the messages that were sent."""
    from serving.content.check import load_content_check
    from serving.content.quality_check import check_quality
    from serving.records.contacts.sent_messages import sent_messages
    from serving.spreadsheet import write_csv

    lake = open_lake()
    with open_records(lake) as records:
        sent = sent_messages(lake, records, first, last)
    content_check = load_content_check(lake.home)
    quality = check_quality(content_check, sent.messages, seed=seed, share=share, least=sample)
    parts: dict[str, list[Any]] = {
        name: getattr(quality, name).to_dict("records")
        for name in ("branches", "managers", "findings")
    }
    last_words = []
    for path, name in ((out, "managers"), (findings, "findings")):
        if path is not None:
            frame = getattr(quality, name)
            write_csv(path, list(frame), frame.itertuples(index=False))
            last_words.append(f"The {name}: {short_path(path.resolve())}")
    title = f"{quality.sent:,} messages from {first} to {last}, {quality.checked:,} checked"
    shown: list[Any] = (
        [table(f"{title}: by branch", parts["branches"])] if quality.sent else [title]
    )
    if parts["managers"]:
        worst = parts["managers"][:MANAGERS_SHOWN]
        shown.append(table(f"The first {len(worst)} of {len(parts['managers'])} managers", worst))
    if sent.wordless:
        last_words.insert(0, f"{sent.wordless:,} contacts have no text: calls are not checked.")
    summary = {"sent": quality.sent, "checked": quality.checked, "wordless": sent.wordless}
    emit({**summary, **parts}, json, *shown, *last_words)


def content_try(
    text: Annotated[str, typer.Argument(help="The message.")],
    channel: Annotated[str, typer.Option("--channel", help="How it would be sent.")],
    kind: Annotated[str, typer.Option("--kind", help="marketing or service")] = "marketing",
    json: Json = False,
) -> None:
    """Check whether a message may be sent, and why not.

    The exit code is 1 if it may not, or if a person must check it first.
    """
    from serving.content.check import load_content_check

    content_check = load_content_check(open_lake().home)
    check = content_check.check(text, channel=channel, kind=kind)  # type: ignore[arg-type]
    verdict = "may be sent"
    if not check.allowed:
        verdict = "may not be sent" if check.blocked else "may be sent once a person has checked it"
    lines = [
        f"{finding.severity}: {finding.chinese}\n  {finding.english}" for finding in check.findings
    ]
    payload = {"allowed": check.allowed, "blocked": check.blocked, "parts": check.parts}
    findings = [asdict(finding) for finding in check.findings]
    emit({**payload, "findings": findings}, json, f"It {verdict}.", *lines)
    if not check.allowed:
        sys.exit(1)
