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
import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from features.errors import GuanjiaError
from features.key_file import read_or_create_key
from features.publishing import published
from features.settings import Settings

logger = logging.getLogger(__name__)

SHORTEST_KEY = 32
MARK = "erased:"
"""How each mark begins."""


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
            if marks != self.all():
                written = {mark: left and asdict(left) for mark, left in marks.items()}
                with published(self.path, 0o600) as draft:
                    draft.write_text(json.dumps(written, indent=1) + "\n", "utf-8")
            if self._settings.erasures_copy is not None and marks:
                note_marks(self._settings.erasures_copy, marks)


def read_marks(path: Path) -> set[str]:
    """Read the marks of a list of erased customers, or of a copy of one.

    Raises
    ------
    GuanjiaError
        If the file is no such list.
    """
    try:
        marks = json.loads(path.read_text("utf-8"))
    except (ValueError, OSError) as error:
        cure = "name an erased.json, or the file of GUANJIA_ERASURES_COPY"
        raise GuanjiaError(f"list of erasures {path}", f"cannot be read ({error})", cure) from None
    if not isinstance(marks, dict) or any(not mark.startswith(MARK) for mark in marks):
        cure = "name an erased.json, or the file of GUANJIA_ERASURES_COPY"
        raise GuanjiaError(f"file {path}", "is no list of erased customers", cure)
    return set(marks)


def note_marks(path: Path, marks: Iterable[str]) -> None:
    """Add marks to the copy of the list that lies apart from the home; nothing is taken out of it.

    A home that was restored from an older backup knows fewer marks than its copy. A place that
    cannot be written does not hold an erasure up: the next change, and each `guanjia erase
    --pending`, writes all that is missing.

    Parameters
    ----------
    path : Path
        The copy (`GUANJIA_ERASURES_COPY`).
    marks : iterable of str
        Marks of erased customers.
    """
    try:
        noted = read_marks(path) if path.exists() else set()
        missing = set(marks) - noted
        if missing:
            with published(path, 0o600) as draft:
                written = dict.fromkeys(sorted(noted | missing))
                draft.write_text(json.dumps(written, indent=1) + "\n", "utf-8")
    except (OSError, GuanjiaError) as error:
        logger.error(
            "erasures are not noted in %s (%s): after a restore from a backup these customers would"
            " come back; make it writable, and run `guanjia erase --pending`, which notes them",
            path,
            error,
        )


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
    return f"{MARK}{mark.hex()}"
