"""Identify what is read by its content, so that nothing is computed again from the same."""

import hashlib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from features.lake import Lake, sha256_of

ABSENT = "absent"
CODE = Path(__file__).parents[1]
PACKAGES = ("features", "training", "serving", "guanjia")
OF_DAYS = "daily.toml"
"""Settings of what a day consists of; they change none of its steps."""


def file_identity(path: Path) -> str:
    """Hash the content of a file; `ABSENT` where there is none."""
    try:
        about = path.stat()
    except FileNotFoundError:
        return ABSENT
    return _content(path, about.st_size, about.st_mtime_ns, about.st_ino)


@cache
def _content(path: Path, _size: int, _changed: int, _number: int) -> str:
    """Hash a file once in this process while size, time and number stay."""
    return sha256_of(path)[:16]


def files_identity(folder: Path, paths: Iterable[Path]) -> str:
    """Hash the names below a folder and the contents of files; `ABSENT` where there is none."""
    parts = {path.relative_to(folder).as_posix(): file_identity(path) for path in sorted(paths)}
    return combined(parts) if parts else ABSENT


def folder_identity(folder: Path, pattern: str = "*") -> str:
    """Hash the files of a folder that a pattern names; drafts and marks are left out."""
    files = (path for path in folder.glob(pattern) if path.is_file() and path.name[0] != ".")
    return files_identity(folder, files)


def combined(parts: Mapping[str, str]) -> str:
    """Hash identities with their names, in the order of names."""
    text = "\n".join(f"{name} {identity}" for name, identity in sorted(parts.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@cache
def code_identity() -> str:
    """Hash the code and shipped settings of Guanjia: an update computes a day anew."""
    files = (
        path
        for package in PACKAGES
        for pattern in ("*.py", "*.toml")
        for path in (CODE / package).rglob(pattern)
    )
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(path.relative_to(CODE).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def settings_identity(lake: Lake) -> str:
    """Hash the code, the settings files of a home and its extensions, and the time zone."""
    files = (path for path in lake.home.glob("*.toml") if path.name != OF_DAYS)
    parts = {
        "files": files_identity(lake.home, files),
        "extensions": folder_identity(lake.home / "extensions", "*.py"),
        "timezone": lake.settings.timezone,
        "expense_share": str(lake.settings.expense_share),
        "code": code_identity(),
    }
    return combined(parts)
