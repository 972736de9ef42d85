"""Published whole or not at all, and what a killed writer leaves goes with the next."""

import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from features.publishing import published, published_folder

KILLED_IN_BLOCK = """
import os, signal, sys
from contextlib import suppress
from pathlib import Path
from features.publishing import {writer}
with {writer}(Path(sys.argv[1])) as draft:
    {write}
    os.kill(os.getpid(), signal.SIGKILL)
"""
KILLED_BETWEEN = """
import os, signal, sys
from contextlib import suppress
from pathlib import Path
from features import publishing
from features.publishing import published_folder
publishing._exchange = lambda draft, path: False  # as on a system that cannot
steps, replace = [], Path.replace
def once(self, target):
    if steps:
        os.kill(os.getpid(), signal.SIGKILL)
    steps.append(target)
    return replace(self, target)
Path.replace = once
with published_folder(Path(sys.argv[1])) as draft:
    (draft / "a").write_text("new")
"""


def killed(code: str, path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", code, str(path)], check=False, cwd=Path.cwd())
    assert done.returncode == -signal.SIGKILL


def names(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


def test_a_file_is_replaced_only_if_the_block_ends_well(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    path.write_text("old")
    with suppress(ValueError), published(path) as draft:
        draft.write_text("part")
        raise ValueError("no")
    assert (path.read_text(), names(tmp_path)) == ("old", ["scores.csv"])
    with published(path, 0o600) as draft:
        draft.write_text("new")
        assert path.read_text() == "old"
    assert (path.read_text(), names(tmp_path)) == ("new", ["scores.csv"])
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_draft_of_a_killed_writer_goes_and_that_of_a_living_one_stays(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    path.write_text("old")
    killed(KILLED_IN_BLOCK.format(writer="published", write="draft.write_text('part')"), path)
    assert path.read_text() == "old"
    assert len(names(tmp_path)) == 2
    with published(path) as first:
        first.write_text("first")
        with published(path) as second:
            second.write_text("second")
            assert len(names(tmp_path)) == 3
        assert path.read_text() == "second"
    assert (path.read_text(), names(tmp_path)) == ("first", ["scores.csv"])


def test_another_machine_s_draft_is_not_ours_to_remove(tmp_path: Path) -> None:
    other = tmp_path / ".scores.csv.elsewhere-1-x.csv"
    other.write_text("part")
    with published(tmp_path / "scores.csv") as draft:
        draft.write_text("new")
    assert other.exists()


def test_a_folder_survives_a_kill_inside_and_between(tmp_path: Path) -> None:
    path = tmp_path / "raw"
    with published_folder(path) as draft:
        (draft / "a").write_text("old")
    write = "(draft / 'a').write_text('part')"
    killed(KILLED_IN_BLOCK.format(writer="published_folder", write=write), path)
    assert (path / "a").read_text() == "old"
    killed(KILLED_BETWEEN, path)
    assert not path.exists()
    with suppress(KeyboardInterrupt), published_folder(path):
        assert (path / "a").read_text() == "old"
        raise KeyboardInterrupt
    assert (names(tmp_path), (path / "a").read_text()) == (["raw"], "old")
    with published_folder(path) as draft:
        (draft / "a").write_text("new")
    assert (names(tmp_path), (path / "a").read_text()) == (["raw"], "new")


def test_names_are_taken_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "as_of=[2026].json"
    killed(KILLED_IN_BLOCK.format(writer="published", write="pass"), path)
    with published(path) as draft:
        draft.write_text("{}")
    assert names(tmp_path) == [path.name]
