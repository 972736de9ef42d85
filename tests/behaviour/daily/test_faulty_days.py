"""A day whose disk is full or read-only, or that is run twice at once: readers see the day before,
and the next run ends in the bytes of an undisturbed one."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from small_days import LAST, day_of, deliver, derived_bytes, history, outcomes, published
from small_disks import SmallDisk, small_disk

from guanjia.jobs.daily import run as daily_run
from guanjia.jobs.daily.steps.order import STEPS

Run = Callable[..., "CompletedProcess[str]"]
NEW = LAST + 1
MEGABYTES = 100


def daily(run: Run, home: Path) -> "CompletedProcess[str]":
    """`guanjia daily` of the new day."""
    return run(home, "daily", "--as-of", str(day_of(NEW)))


@pytest.fixture
def delivered(quiet_home: Path) -> Callable[[Path], Path]:
    """A copy of the home of the quiet days, with the next one delivered: `delivered(folder)`."""

    def made(folder: Path) -> Path:
        home = Path(shutil.copytree(quiet_home, folder / "home"))
        deliver(home, NEW)
        return home

    return made


@pytest.fixture(scope="module")
def undisturbed(quiet_home: Path, tmp_path_factory: pytest.TempPathFactory, run: Run) -> Path:
    """A home whose new day went well."""
    home = Path(shutil.copytree(quiet_home, tmp_path_factory.mktemp("undisturbed") / "home"))
    deliver(home, NEW)
    done = daily(run, home)
    assert done.returncode == 0, done.stdout + done.stderr
    return home


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk", MEGABYTES) as disk:
        yield disk


@pytest.fixture
def as_begins(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Callable[[], object]], None]:
    """Let something happen as a step of the day begins: `as_begins("tags", disk.fill)`."""

    def arrange(name: str, happen: Callable[[], object]) -> None:
        (step,) = (step for step in STEPS if step.name == name)

        def run(day: Any) -> Any:
            happen()
            return step.run(day)

        steps = tuple(replace(step, run=run) if one is step else one for one in STEPS)
        monkeypatch.setattr(daily_run, "STEPS", steps)

    return arrange


@pytest.mark.slow
def test_a_disk_that_is_full_in_any_step_leaves_the_day_before(
    delivered: Callable[[Path], Path],
    undisturbed: Path,
    disk: SmallDisk,
    run: Run,
    as_begins: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home = delivered(disk.folder)
    ended = outcomes(history(undisturbed, NEW)[-1])
    steps = [step for step in STEPS if ended[step.name] == "done"]
    assert {"erase", "check", "tags", "quality", "segments", "triggers", "publish"} <= {
        step.name for step in steps
    }
    for step in steps:
        as_begins(step.name, disk.fill)
        done = daily(run, home)
        disk.free()
        assert done.returncode == 3, f"{step.name}: {done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr, step.name
        told = outcomes(history(home, NEW)[-1]).get(step.name)
        assert told in {"environment", "cut off"}, f"{step.name}: {told}"
        seen = NEW if step.after_publication else LAST
        assert published(home) == str(day_of(seen)), step.name
    monkeypatch.undo()
    done = daily(run, home)
    assert done.returncode == 0, done.stdout + done.stderr
    assert derived_bytes(home, NEW) == derived_bytes(undisturbed, NEW)


def test_a_read_only_home_is_the_machines_fault_and_said_in_a_sentence(
    delivered: Callable[[Path], Path], disk: SmallDisk, run: Run, process: Run
) -> None:
    home = delivered(disk.folder)
    with disk.read_only():
        done = daily(process, home)
        served = process(home, "serve", "--port", "1")
        asked = process(home, "rate", "C01")
    assert "check that the disk is not full, the home can be written" in done.stderr
    assert "cannot be written: Read-only file system" in served.stderr
    assert served.returncode != 0
    assert "Traceback" not in done.stderr + served.stderr
    assert done.returncode == 3
    assert asked.returncode == 0, asked.stderr
    assert published(home) == str(day_of(LAST))
    assert daily(run, home).returncode == 0
    assert published(home) == str(day_of(NEW))


def test_two_runs_of_a_day_at_once_are_one_run(
    delivered: Callable[[Path], Path],
    undisturbed: Path,
    tmp_path: Path,
    run: Run,
    process: Run,
    as_begins: Callable[..., None],
) -> None:
    home = delivered(tmp_path)
    second = []
    as_begins("tags", lambda: second.append(daily(process, home)))
    first = daily(run, home)
    assert [one.returncode for one in (first, *second)] == [0, 3]
    assert f"is running {day_of(NEW)} since " in second[0].stderr
    assert len(history(home, NEW)) == 1
    assert derived_bytes(home, NEW) == derived_bytes(undisturbed, NEW)
