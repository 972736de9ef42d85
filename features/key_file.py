"""Keys that are made once, at first use, and that only their owner can read."""

import contextlib
import os
import secrets
from functools import lru_cache
from pathlib import Path


def kept_key(path: Path) -> str:
    """The key in a file, made there if need be."""
    # Written in full beside its place and then linked: of two processes that start at once, the
    # second finds the first one's key, and neither reads half a key.
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(secrets.token_urlsafe(48))
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):
                os.link(draft, path)
        finally:
            draft.unlink(missing_ok=True)
    return _content(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=16)
def _content(path: Path, _written: int) -> str:
    """What a file holds: read again when it was written anew, as whoever replaces a key expects."""
    return path.read_text(encoding="ascii").strip()
