"""Do work that takes longer than a page may: one piece at a time, each under an address of its own.

A piece of work is a file under `<home>/tmp/work`: whoever has its address sees how far it is, in
every worker of the service, and what came of it after a restart. Whoever does it holds its lock.
The lock goes with the process: work that is not done and whose lock is free was lost.
"""

import fcntl
import json
import logging
import queue
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Literal

from fastapi import Request

from features.errors import GuanjiaError, UnknownNameError
from features.jsonable import jsonable
from features.progress import Report
from features.publishing import published
from serving.api.refusals import TooManyError, failed
from serving.periodic import every
from serving.records.columns import new_id

logger = logging.getLogger(__name__)
State = Literal["waiting", "running", "done", "failed", "lost"]
UNFINISHED = ("waiting", "running")
MOST_WAITING, MOST_KEPT = 8, 100
PAUSE_SECONDS, WRITE_SECONDS = 0.01, 0.5
"""Progress is written at most this often."""
NAME = re.compile(r"[0-9a-f]{1,64}")
Do = Callable[[Report], Any]


@dataclass(frozen=True)
class Work:
    """A piece of work.

    Attributes
    ----------
    work_id, kind, user_name, began_at : str
        Its number, what it is, who began it and when.
    question : Mapping
        What was asked for, as the page that began it can ask again.
    state : {"waiting", "running", "done", "failed", "lost"}
        How far it is.
    step, amount, total : str, int, int or None
        What is being done, how much of it is done and of how much.
    result : object
        What came of it, as JSON has it.
    fault : Mapping or None
        Thing, fault and cure, where it failed.
    """

    work_id: str
    kind: str
    user_name: str
    began_at: str
    question: Mapping[str, Any]
    state: State = "waiting"
    step: str = ""
    amount: int = 0
    total: int | None = None
    result: Any = None
    fault: Mapping[str, Any] | None = field(default=None)


class LongWork:
    """The long work of a home; a thread of this process does what was begun here.

    Parameters
    ----------
    folder : Path
        Where the files lie.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._queue: queue.Queue[tuple[Work, IO[str], Do]] = queue.Queue(MOST_WAITING)
        self._guard = threading.Lock()
        self._begun = False

    def begin(
        self, kind: str, user_name: str, question: Mapping[str, Any], at: datetime, do: Do
    ) -> str:
        """Begin a piece of work, and return its number.

        Parameters
        ----------
        kind : str
            What it is: "simulation", "promotion".
        user_name : str
            Who begins it.
        question : Mapping
            What is asked for, as JSON has it.
        at : datetime
            Now.
        do : callable
            Does it: called with a `Report`, returns what JSON can hold.

        Raises
        ------
        TooManyError
            If too much waits already.
        """
        work = Work(new_id(at), kind, user_name, at.isoformat(timespec="seconds"), question)
        self._folder.mkdir(0o700, parents=True, exist_ok=True)
        self._forget()
        lock = self._path(work.work_id, ".lock").open("w")
        fcntl.flock(lock, fcntl.LOCK_EX)
        self._write(work)
        try:
            self._queue.put_nowait((work, lock, do))
        except queue.Full:
            self._path(work.work_id).unlink()
            self._release(work, lock)
            raise TooManyError(
                "work",
                f"{MOST_WAITING} pieces of it wait already",
                60,
                chinese=("测算", f"已有 {MOST_WAITING} 项在排队", "请 60 秒后再试"),
            ) from None
        with self._guard:
            if not self._begun:
                self._begun = True
                every(PAUSE_SECONDS, "do long work", self._do_next)
        return work.work_id

    def read(self, work_id: str, *kinds: str) -> Work:
        """Read a piece of work of one of some kinds.

        Parameters
        ----------
        work_id : str
            Its number.
        *kinds : str
            What it may be.

        Raises
        ------
        UnknownNameError
            If there is none of the number and kinds, or it is long forgotten.
        """
        work = self._stored(work_id) if NAME.fullmatch(work_id) else None
        if work is None or work.kind not in kinds:
            cure = f"begin it again; the last {MOST_KEPT} pieces of work are kept"
            chinese = f"测算 {work_id[:64]}", "查不到", f"请重新开始；只保留最近 {MOST_KEPT} 项"
            raise UnknownNameError(f"work {work_id[:64]}", "is not known", cure, chinese=chinese)
        if work.state in UNFINISHED and self._is_left(work_id):
            # It may have ended between the two looks.
            work = self._stored(work_id) or work
            return replace(work, state="lost") if work.state in UNFINISHED else work
        return work

    def latest(self, kind: str, most: int) -> list[Work]:
        """List the latest pieces of work of a kind, the latest first."""
        works: list[Work] = []
        for path in sorted(self._folder.glob("*.json"), reverse=True):
            with suppress(GuanjiaError):
                works.append(self.read(path.stem, kind))
            if len(works) == most:
                break
        return works

    def _stored(self, work_id: str) -> Work | None:
        """Read the file of a piece of work; None: there is none, or another release wrote it."""
        with suppress(OSError, ValueError, TypeError):
            return Work(**json.loads(self._path(work_id).read_text("utf-8")))
        return None

    def _do_next(self) -> None:
        """Wait for a piece of work, do it, and keep what came of it."""
        work, lock, do = self._queue.get()
        try:
            with self._turn():
                work = replace(work, state="running")
                self._write(work)
                result = jsonable(do(self._reporter(work)))
            work = replace(work, state="done", result=result)
        except GuanjiaError as error:
            work = replace(work, state="failed", fault=error.document())
        except Exception:
            logger.exception("%s %s failed", work.kind, work.work_id)
            work = replace(work, state="failed", fault=failed().document())
        try:
            self._write(work)
        finally:
            self._release(work, lock)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Wait until no other worker of the home does long work."""
        with (self._folder / "turn").open("w") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            yield

    def _reporter(self, work: Work) -> Report:
        written, at = work.step, 0.0

        def report(step: str, done: int, total: int | None) -> None:
            nonlocal written, at
            now = time.monotonic()
            if step != written or now - at >= WRITE_SECONDS:
                written, at = step, now
                self._write(replace(work, step=step, amount=done, total=total))

        return report

    def _write(self, work: Work) -> None:
        with published(self._path(work.work_id)) as draft:
            draft.write_text(json.dumps(asdict(work), ensure_ascii=False), "utf-8")

    def _is_left(self, work_id: str) -> bool:
        try:
            with self._path(work_id, ".lock").open("r") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except FileNotFoundError:
            return True
        return True

    def _release(self, work: Work, lock: IO[str]) -> None:
        self._path(work.work_id, ".lock").unlink(missing_ok=True)
        lock.close()

    def _forget(self) -> None:
        """Remove what is older than the last pieces of work."""
        for path in sorted(self._folder.glob("*.json"), reverse=True)[MOST_KEPT - 1 :]:
            path.unlink(missing_ok=True)

    def _path(self, work_id: str, ending: str = ".json") -> Path:
        return self._folder / f"{work_id}{ending}"


def long_work(request: Request) -> LongWork:
    """Return the long work of the service, the same for all requests of a process."""
    state = request.app.state
    with _making:
        shared: LongWork | None = getattr(state, "long_work", None)
        if shared is None:
            shared = state.long_work = LongWork(state.service.lake.home / "tmp" / "work")
    return shared


_making = threading.Lock()
