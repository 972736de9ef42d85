"""Remember who was erased (PIPL art. 47), as keyed hashes under home, so that nobody comes back.

`<home>/erased.json` names nobody: finding a customer in it takes their id and the key. The core
system may deliver an erased customer again, a file not yet rewritten may still hold them, an event
may name them: code that reads or writes rows of customers asks here first. If nobody was erased,
that costs one look at a file.
"""

import fcntl
import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

from features.errors import GuanjiaError
from features.key_file import read_or_create_key
from features.publishing import published
from features.settings import Settings

SHORTEST_KEY = 32


@dataclass(frozen=True)
class UnfinishedErasure:
    """An erasure that still has files of this home to rewrite.

    Attributes
    ----------
    receipt_id : str or None
        The receipt that was issued already, if any.
    rows : dict of str to int
        Place -> rows erased there so far.
    """

    receipt_id: str | None = None
    rows: dict[str, int] = field(default_factory=dict)


class Erased:
    """The erased customers of a home, shared by threads and processes.

    Parameters
    ----------
    settings : Settings
        Names the home folder, and the key if it is not a file there.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.path = settings.home / "erased.json"
        self._seen: tuple[int, int, int] | None = None
        self._marks: Mapping[str, UnfinishedErasure | None] = {}
        self._key: bytes | None = None

    def __bool__(self) -> bool:
        return bool(self.all())

    def all(self) -> Mapping[str, UnfinishedErasure | None]:
        """Return the mark of each erased customer -> what is left to do, None if nothing.

        The file is read again if it changed.
        """
        try:
            about = self.path.stat()
        except FileNotFoundError:
            self._seen, self._marks = None, {}
            return self._marks
        seen = about.st_mtime_ns, about.st_size, about.st_ino
        if seen != self._seen:
            marks = json.loads(self.path.read_text("utf-8"))
            self._marks = {
                mark: None if left is None else UnfinishedErasure(**left)
                for mark, left in marks.items()
            }
            self._seen = seen
        return self._marks

    def among(self, customer_ids: Iterable[str]) -> set[str]:
        """Select the customers who were erased."""
        marks = self.all()
        if not marks:
            return set()
        key = self._known_key()
        return {customer for customer in customer_ids if pseudonym(key, customer) in marks}

    def mark(self, customer_id: str) -> str | None:
        """Return the mark of a customer who was erased; None for others."""
        marks = self.all()
        if not marks:
            return None
        mark = pseudonym(self._known_key(), customer_id)
        return mark if mark in marks else None

    def _known_key(self) -> bytes:
        """Return the key, read at first use."""
        if self._key is None:
            self._key = erasure_key(self._settings)
        return self._key

    @contextmanager
    def changing(self) -> Iterator[dict[str, UnfinishedErasure | None]]:
        """Lock the list and yield it to be changed; write it unless the block raises an error."""
        lock = self.path.with_name(f".{self.path.name}.lock")
        lock.parent.mkdir(parents=True, exist_ok=True)
        with lock.open("w") as lock_file:
            fcntl.flock(lock_file, fcntl.LOCK_EX)
            marks = dict(self.all())
            yield marks
            if marks == self.all():
                return
            written = {mark: left and asdict(left) for mark, left in marks.items()}
            with published(self.path, 0o600) as draft:
                draft.write_text(json.dumps(written, indent=1) + "\n", "utf-8")


def erasure_key(settings: Settings) -> bytes:
    """Return the key of the hashes: the setting, or a key file under home, made at first use.

    Raises
    ------
    GuanjiaError
        If the key is too short.
    """
    if settings.erasure_key is None:
        thing, key = "key file erasure.key", read_or_create_key(settings.home / "erasure.key")
    else:
        thing, key = "GUANJIA_ERASURE_KEY", settings.erasure_key.get_secret_value()
    if len(key.encode()) < SHORTEST_KEY:
        cure = f"use at least {SHORTEST_KEY} random characters"
        raise GuanjiaError(thing, "is too short to be safe", cure)
    return key.encode()


def pseudonym(key: bytes, customer_id: str) -> str:
    """Hash a customer id with the key: the mark that stands for an erased customer."""
    mark = hmac.digest(key, customer_id.encode("utf-8", "surrogatepass"), hashlib.sha256)
    return f"erased:{mark.hex()}"
