"""Killed at any point, a publication leaves all of the day before or all of the new one."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from published_homes import FIRST, NOON, SECOND, write_day

from features.lake import Lake
from features.online import feast_client
from features.settings import Settings
from guanjia.jobs.publication.publish import publish_day

ROOT = Path(__file__).parents[2]
SUPPORT = ROOT / "tests" / "support"
POINTS = int(os.environ.get("KILLED_POINTS", "10"))
"""`benchmarks/faults.py` sets more, and the seed."""


def test_any_kill_leaves_the_day_before_or_the_new_one(tmp_path: Path) -> None:
    folder = tmp_path / "kills"
    settings = Settings(home=folder / "home", threads=1)
    write_day(settings.home, FIRST, star=3)
    publish_day(Lake(settings), FIRST, NOON)
    write_day(settings.home, SECOND, star=4)
    feast_client.forget(Lake(settings))
    seed = os.environ.get("FAULTS_SEED", str(int.from_bytes(os.urandom(4))))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(SUPPORT / "killed_publications.py"), str(folder),
         str(POINTS), seed],
        capture_output=True, text=True, check=False, timeout=500 + 60 * POINTS, cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}:{SUPPORT}", "PATH": os.environ["PATH"]},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    result, *outcomes = (json.loads(line) for line in done.stdout.splitlines())
    before, after = result["before"], result["after"]
    assert (before["online"], after["online"]) == ([[str(FIRST), 3]], [[str(SECOND), 4]])
    assert [part for part in before if before[part] == after[part]] == []
    assert result["touches"] > 100
    assert len(outcomes) == POINTS
    assert sum(ended == -signal.SIGKILL for _, ended, *_ in outcomes) > POINTS / 2
    for point, ended, killed, again, at_last in outcomes:
        place = f"seed {seed}, point {point} of {result['touches']}"
        # Publications differ by a few touches: one that ended before its point is whole.
        assert ended == -signal.SIGKILL or (ended, killed) == (0, after), place
        assert killed in (before, after), place
        # Whatever is left lying about: the next run ends as if nothing had happened.
        assert again is None or (again, at_last) == (0, after), place
