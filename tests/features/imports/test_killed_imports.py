"""An import that is killed leaves the day before or the whole day, wherever it was."""

import json
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from features.imports.run import run
from features.lake import Lake
from features.publishing import published_folder
from features.settings import Settings

SCRIPT = Path(__file__).parents[2] / "support" / "killed_imports.py"
ROOT = Path(__file__).parents[3]
POINTS = 14


def tables(home: Path) -> dict[str, bytes]:
    """All files of the raw tables, the ledger among them."""
    raw = home / "raw"
    assert raw.is_dir()
    return {str(p.relative_to(raw)): p.read_bytes() for p in sorted(raw.rglob("*")) if p.is_file()}


def change(exports: Path) -> None:
    for name, before, after in (("客户", "甲一", "甲三"), ("保单", "3000.00", "2800.00")):
        path = exports / f"{name}.csv"
        path.write_text(path.read_text("gb18030").replace(before, after), "gb18030")


@pytest.mark.slow
def test_any_kill_leaves_the_day_before_or_the_whole_day(
    exports: Path, lake: Lake, imported: object
) -> None:
    assert callable(imported)
    imported(exports)
    lake.con.close()
    before = tables(lake.home)
    change(exports)
    mapping, later = exports / "mapping.toml", datetime(2026, 7, 1, 15, 59, 59, tzinfo=UTC)
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(lake.home), str(mapping), later.isoformat(), str(POINTS)],
        capture_output=True, text=True, check=False, timeout=500, cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads(done.stdout)
    after = tables(Path(result["whole"]))
    assert after != before
    seen = []
    for copy, code in result["copies"].items():
        assert code == -signal.SIGKILL
        left = tables(Path(copy))
        assert left in (before, after), copy
        seen.append(left == after)
        # Whatever is left lying about: the next run ends as if nothing had happened.
        again = Lake(Settings(home=Path(copy), threads=1))
        run(again, mapping, later)
        again.con.close()
        assert tables(Path(copy)) == after
        assert [p.name for p in Path(copy).iterdir() if p.name.startswith(".raw.")] == []
    assert len(seen) >= POINTS
    assert set(seen) == {False, True}


def test_a_folder_is_replaced_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "raw"
    path.mkdir()
    (path / "old").touch()
    with published_folder(path) as draft:
        (draft / "new").touch()
        place = path.stat().st_ino
    assert [p.name for p in path.iterdir()] == ["new"]
    assert path.stat().st_ino != place
    assert [p.name for p in tmp_path.iterdir()] == ["raw"]
