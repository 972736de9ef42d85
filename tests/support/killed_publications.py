"""Publish a day again and again, each time in a process that kills itself at another point.

    python killed_publications.py FOLDER POINTS [SEED]

FOLDER/home has one day published and the next one written. It is copied for each of so many random
points; a fork of this process publishes the next day in the copy, ends itself with SIGKILL when it
has touched the file system or the online store a given number of times, and what readers see is
read by another fork. Every fourth publication is then run again. Printed, as lines of JSON: how
often publishing touches in all and what is seen before and after; then for each point how it ended,
what was seen then, how the second run ended, and what was seen after it.
"""

import json
import os
import random
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

TOUCHES = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "shutil.rmtree",
           "tempfile.mkstemp", "tempfile.mkdtemp", "os.chmod", "sqlite3.connect",
           "fcntl.flock", "os.truncate"}  # fmt: skip
WRITES = ("offer", "mark_filled", "remove", "prepare_groups", "drop_all")
"""What the online store is asked to write: an audit hook does not see it."""


def publish(home: Path, most: int) -> None:
    """Publish the second day; be killed after so many touches."""
    from published_homes import NOON, SECOND

    from features.lake import Lake
    from features.online.sqlite_rows import SqliteRows
    from features.settings import Settings
    from guanjia.jobs.publication.publish import publish_day

    touches = 0

    def touch() -> None:
        nonlocal touches
        touches += 1
        if touches == most:
            os.kill(os.getpid(), signal.SIGKILL)

    def watched(call: Callable[..., Any]) -> Callable[..., Any]:
        def touching(*given: Any, **named: Any) -> Any:
            touch()
            return call(*given, **named)

        return touching

    for name in WRITES:
        setattr(SqliteRows, name, watched(getattr(SqliteRows, name)))

    def audit(event: str, given: tuple[Any, ...]) -> None:
        if event in TOUCHES and (event != "open" or str(home) in str(given[0])):
            touch()

    sys.addaudithook(audit)
    publish_day(Lake(Settings(home=home, threads=1)), SECOND, NOON)
    (home / "touches").write_text(str(touches))


def look(home: Path) -> None:
    """Write down what a reader sees."""
    from published_homes import seen

    from features.settings import Settings

    parts = seen(Settings(home=home, threads=1))
    (home / "seen.json").write_text(json.dumps(parts, default=lambda part: sorted(part) if
                                               isinstance(part, set) else str(part)))  # fmt: skip


def forked(act: Callable[..., None], *given: Any) -> int:
    """Run something in a process of its own; return how it ended."""
    process = os.fork()
    if process == 0:
        code = 1
        try:
            act(*given)
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def looked(home: Path) -> Any:
    """What another process sees of a home."""
    assert forked(look, home) == 0, "a reader fails"
    return json.loads((home / "seen.json").read_text())


def main() -> None:
    """Publish whole once, then be killed at random points, and at the last ones one by one."""
    import published_homes  # noqa: F401  (once, for all that are forked)

    import guanjia.jobs.publication.publish  # noqa: F401

    folder, points = Path(sys.argv[1]), int(sys.argv[2])
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    whole = folder / "whole"
    shutil.copytree(folder / "home", whole)
    before = looked(whole)
    assert forked(publish, whole, 0) == 0
    touches, after = int((whole / "touches").read_text()), looked(whole)
    drawn = random.Random(seed)
    chosen = sorted(drawn.choices(range(1, touches + 1), k=points))
    print(json.dumps({"touches": touches, "before": before, "after": after}), flush=True)
    for number, most in enumerate(chosen):
        copy = folder / f"copy-{number}"
        shutil.copytree(folder / "home", copy)
        ended = forked(publish, copy, most)
        killed = looked(copy)
        again = forked(publish, copy, 0) if number % 4 == 0 else None
        last = killed if again is None else looked(copy)
        print(json.dumps([most, ended, killed, again, last]), flush=True)
        shutil.rmtree(copy)


if __name__ == "__main__":
    main()
