"""Run an import again and again, each time in a process that kills itself at another point.

    python killed_imports.py HOME MAPPING DELIVERED POINTS

HOME is copied to HOME-1, HOME-2, ...; a fork of this process imports into the copy and ends itself
with SIGKILL when it has touched the file system a given number of times. Printed: how often the
import touches it in all, and the copies in order.
"""

import json
import os
import shutil
import signal
import sys
from datetime import datetime
from pathlib import Path

TOUCHES = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "shutil.rmtree",
           "tempfile.mkstemp", "tempfile.mkdtemp", "os.chmod", "ctypes.dlsym"}  # fmt: skip


def import_into(home: Path, mapping: Path, delivered: datetime, most: int) -> None:
    """Import; be killed after so many touches of the file system."""
    from features.imports.run import run
    from features.lake import Lake
    from features.settings import Settings

    touches = 0

    def count(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal touches
        if event in TOUCHES:
            touches += 1
            if touches == most:
                os.kill(os.getpid(), signal.SIGKILL)

    lake = Lake(Settings(home=home, threads=1))
    sys.addaudithook(count)
    run(lake, mapping, delivered)
    lake.con.close()
    (home / "touches").write_text(str(touches))


def forked(home: Path, mapping: Path, delivered: datetime, most: int) -> int:
    """Import in a process of its own; return how it ended."""
    process = os.fork()
    if process == 0:
        code = 1
        try:
            import_into(home, mapping, delivered, most)
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def main() -> None:
    """Import whole once, then be killed at points between the first and the last."""
    import features.imports.run  # noqa: F401  (once, for all that are forked)

    home, mapping, delivered = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    moment, points = datetime.fromisoformat(delivered), int(sys.argv[4])
    whole = home.with_name(f"{home.name}-whole")
    shutil.copytree(home, whole)
    assert forked(whole, mapping, moment, 0) == 0
    touches = int((whole / "touches").read_text())
    (whole / "touches").unlink()
    # The last touches are those of publishing: most points lie there.
    late = range(max(1, touches - points // 2), touches + 1)
    early = range(1, late[0], max(1, late[0] // (points // 2)))
    copies = {}
    for most in [*early, *late]:
        copy = home.with_name(f"{home.name}-{most}")
        shutil.copytree(home, copy)
        copies[str(copy)] = forked(copy, mapping, moment, most)
    json.dump({"whole": str(whole), "touches": touches, "copies": copies}, sys.stdout)


if __name__ == "__main__":
    main()
