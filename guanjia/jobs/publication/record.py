"""Keep on record what was published and withdrawn in a home: `<home>/publications.jsonl`.

A line is written just before the pointer is replaced: nothing is visible that is not on record. An
act that was cut off between the two stands there once more when it is done again.
"""

import json
import os
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from features.lake.pointer import PublishedDay
from guanjia.jobs.publication.findings import Acceptance, Finding

RECORD = "publications.jsonl"


def record_publication(
    home: Path,
    day: PublishedDay,
    content: str,
    findings: list[Finding],
    accepted: Acceptance | None,
) -> None:
    """Add a publication to the record.

    Parameters
    ----------
    home : Path
        The home.
    day : PublishedDay
        As the pointer will name it.
    content : str
        Identity of its files.
    findings : list of Finding
        Bounds that were broken and accepted.
    accepted : Acceptance or None
        Who accepted them, and why.
    """
    _append(
        home,
        {
            "act": "published",
            "at": day.published_at.isoformat(),
            "generation": day.generation,
            "as_of": day.as_of.isoformat(),
            "snapshot_id": day.snapshot_id,
            "content": content,
            "who": accepted.who if accepted else None,
            "why": accepted.why if accepted else None,
            "findings": [asdict(finding) for finding in findings],
        },
    )


def record_withdrawal(
    home: Path,
    day: PublishedDay,
    content: str,
    back_to: PublishedDay,
    by: Acceptance,
    at: datetime,
) -> None:
    """Add a withdrawal to the record.

    Parameters
    ----------
    home : Path
        The home.
    day : PublishedDay
        The publication that is taken back.
    content : str
        Identity of its files.
    back_to : PublishedDay
        The one that is visible again.
    by : Acceptance
        Who withdraws it, and why.
    at : datetime
        When (UTC).
    """
    _append(
        home,
        {
            "act": "withdrawn",
            "at": at.isoformat(),
            "generation": day.generation,
            "as_of": day.as_of.isoformat(),
            "snapshot_id": day.snapshot_id,
            "content": content,
            "back_to": back_to.generation,
            "who": by.who,
            "why": by.why,
        },
    )


def read_record(home: Path) -> list[dict[str, Any]]:
    """Read all acts, the oldest first; a last line that was cut off is left out."""
    path = home / RECORD
    lines = path.read_bytes().split(b"\n") if path.exists() else []
    return [json.loads(line) for line in lines[:-1] if line]


def withdrawal_of(home: Path, content: str) -> dict[str, Any] | None:
    """Find the act that withdrew files of a content, if they were not published again since."""
    acts = [act for act in read_record(home) if act["content"] == content]
    return acts[-1] if acts and acts[-1]["act"] == "withdrawn" else None


def visible_generations(home: Path) -> list[str]:
    """List the publications that were visible and not withdrawn, the visible one last."""
    names: list[str] = []
    for act in read_record(home):
        names = [name for name in names if name != act["generation"]]
        if act["act"] == "published":
            names.append(act["generation"])
    return names


def _append(home: Path, act: dict[str, Any]) -> None:
    """Append a line that is on the disk before the pointer moves; a part of a line goes first."""
    path = home / RECORD
    with path.open("ab+") as stream:
        stream.seek(0)
        lines, end, _ = stream.read().rpartition(b"\n")
        stream.truncate(len(lines) + len(end))
        stream.write(json.dumps(act, ensure_ascii=False).encode() + b"\n")
        stream.flush()
        os.fsync(stream.fileno())
