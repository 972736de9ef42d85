"""Read secret keys from files that are created at first use and readable by their owner alone."""

import contextlib
import os
import secrets
from functools import lru_cache
from pathlib import Path


def read_or_create_key(path: Path) -> str:
    """Read the key in a file; create the file with a random key if it is missing."""
    # Written to a draft and then linked: if two processes start at once, the second finds the
    # first one's key, and neither reads half a key.
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
    """Read a file once for each time it was written, so that a replaced key takes effect."""
    return path.read_text(encoding="ascii").strip()
