"""Who was erased (PIPL art. 47): keyed hashes under home, which nothing may bring back.

`<home>/erased.json` names nobody: only who has a customer's number and the key finds him in it. The
core system may deliver an erased customer again tomorrow, a file not yet rewritten may still hold
him, an event may be about him: whoever reads or writes rows of customers asks here first. Where
nobody was erased that costs a look at one file.
"""

import fcntl
import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

from features.errors import GuanjiaError
from features.key_file import kept_key
from features.publishing import published
from features.settings import Settings

SHORTEST_KEY = 32


@dataclass(frozen=True)
class Unfinished:
    """An erasure that has not been through all files of this home.

    Attributes
    ----------
    receipt_id : str or None
        Of the receipt that was given already.
    rows : dict of str to int
        Place -> rows taken out of it so far.
    """

    receipt_id: str | None = None
    rows: dict[str, int] = field(default_factory=dict)


class Erased:
    """The erased customers of a home; threads and processes share it.

    Parameters
    ----------
    settings : Settings
        Whose home folder it is, and the key.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.path = settings.home / "erased.json"
        self._seen: tuple[int, int, int] | None = None
        self._marks: Mapping[str, Unfinished | None] = {}
        self._key: bytes | None = None

    def __bool__(self) -> bool:
        return bool(self.all())

    def all(self) -> Mapping[str, Unfinished | None]:
        """What stands for each erased customer -> what is left to do; read anew when it changed."""
        try:
            about = self.path.stat()
        except FileNotFoundError:
            self._seen, self._marks = None, {}
            return self._marks
        seen = about.st_mtime_ns, about.st_size, about.st_ino
        if seen != self._seen:
            found = json.loads(self.path.read_text("utf-8"))
            self._marks = {
                mark: None if left is None else Unfinished(**left) for mark, left in found.items()
            }
            self._seen = seen
        return self._marks

    def among(self, customer_ids: Iterable[str]) -> set[str]:
        """Those of the customers who were erased."""
        marks = self.all()
        if not marks:
            return set()
        key = self._known_key()
        return {one for one in customer_ids if pseudonym(key, one) in marks}

    def mark(self, customer_id: str) -> str | None:
        """What stands for a customer who was erased; None for others."""
        marks = self.all()
        if not marks:
            return None
        found = pseudonym(self._known_key(), customer_id)
        return found if found in marks else None

    def _known_key(self) -> bytes:
        """The key, read at first need."""
        if self._key is None:
            self._key = erasure_key(self._settings)
        return self._key

    @contextmanager
    def changing(self) -> Iterator[dict[str, Unfinished | None]]:
        """The list to change, one process at a time; it is replaced when the block ends well."""
        lock = self.path.with_name(f".{self.path.name}.lock")
        lock.parent.mkdir(parents=True, exist_ok=True)
        with lock.open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            marks = dict(self.all())
            yield marks
            if marks == self.all():
                return
            written = {mark: left and asdict(left) for mark, left in marks.items()}
            with published(self.path, 0o600) as draft:
                draft.write_text(json.dumps(written, indent=1) + "\n", "utf-8")


def erasure_key(settings: Settings) -> bytes:
    """The key of the hashes: the setting, or a key file under home, made at first use.

    Raises
    ------
    GuanjiaError
        If it is too short.
    """
    if settings.erasure_key is None:
        thing, found = "key file erasure.key", kept_key(settings.home / "erasure.key")
    else:
        thing, found = "GUANJIA_ERASURE_KEY", settings.erasure_key.get_secret_value()
    if len(found.encode()) < SHORTEST_KEY:
        cure = f"use at least {SHORTEST_KEY} random characters"
        raise GuanjiaError(thing, "is too short to be safe", cure)
    return found.encode()


def pseudonym(key: bytes, customer_id: str) -> str:
    """What stands for an erased customer."""
    mark = hmac.digest(key, customer_id.encode("utf-8", "surrogatepass"), hashlib.sha256)
    return f"erased:{mark.hex()}"
