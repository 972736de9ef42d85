"""Describe a backup: its files with their hashes, and the home and instant that they are of."""

import hashlib
import hmac
import json
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from features.errors import GuanjiaError

NAME = "manifest.json"
FORMAT = 1
DUMP = "records.dump"
"""The records, where they are on Postgres."""


@dataclass(frozen=True)
class Entry:
    """A file of a backup.

    Attributes
    ----------
    path : str
        Path in the backup: `home/...`, or `records.dump`.
    size : int
        Bytes.
    sha256 : str
        Hash of its content.
    same_as : str or None
        Path of the entry that has the content, where two names are one file; None: it has its own.
    """

    path: str
    size: int
    sha256: str
    same_as: str | None = None


@dataclass(frozen=True)
class Manifest:
    """What a backup holds.

    Attributes
    ----------
    began_at : datetime
        Whatever was acknowledged before this instant is in the backup.
    home : str
        Where the home was.
    home_format : int
        Format of the home.
    release : str
        Release that made the backup.
    records : str
        "sqlite", "postgres", or "none" if there were none yet.
    derived : bool
        Whether what can be computed again is in it.
    latest : str or None
        Date of the latest snapshot.
    erased : int
        Customers who had been erased.
    erasure_key : str or None
        Fingerprint of the key of the list of the erased; None where there is none.
    entries : list of Entry
        The files.
    """

    began_at: datetime
    home: str
    home_format: int
    release: str
    records: str
    derived: bool
    latest: str | None
    erased: int
    erasure_key: str | None
    entries: list[Entry] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Bytes of the files, each content once."""
        return sum(entry.size for entry in self.entries if entry.same_as is None)


def write_manifest(manifest: Manifest) -> str:
    """Write a manifest as JSON, with a hash of its own content."""
    content = asdict(manifest) | {"began_at": manifest.began_at.isoformat(), "format": FORMAT}
    return json.dumps(content | {"sha256": _hash(content)}, ensure_ascii=False, indent=1) + "\n"


def read_manifest(text: str, backup: Path) -> Manifest:
    """Read a manifest.

    Parameters
    ----------
    text : str
        What `write_manifest` wrote.
    backup : Path
        The backup, for errors.

    Raises
    ------
    GuanjiaError
        If it was altered or cut off, or is of a newer release.
    """
    try:
        content: dict[str, Any] = json.loads(text)
        stated, format_ = content.pop("sha256"), content.pop("format")
    except (ValueError, KeyError, AttributeError):
        raise damaged(backup, "has a manifest that cannot be read") from None
    if format_ > FORMAT:
        cure = f"install guanjia {content['release']} or later"
        raise GuanjiaError(f"backup {backup}", f"is of release {content['release']}", cure)
    if _hash(content | {"format": format_}) != stated:
        raise damaged(backup, "has a manifest that was altered")
    content["began_at"] = datetime.fromisoformat(content["began_at"])
    content["entries"] = [Entry(**entry) for entry in content["entries"]]
    return Manifest(**content)


def damaged(backup: Path, fault: str) -> GuanjiaError:
    """Make the error for a backup that is not as it was made."""
    return GuanjiaError(
        f"backup {backup}", f"{fault}; nothing was restored", "use another backup, or another copy"
    )


def fingerprint(key: bytes) -> str:
    """Hash a key so that it is recognised and cannot be found out."""
    return hmac.digest(key, b"guanjia backup", hashlib.sha256).hex()[:16]


def _hash(content: dict[str, Any]) -> str:
    text = json.dumps(content, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
