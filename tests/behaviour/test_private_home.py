"""A home is for its owner alone, whatever the umask of whoever runs a command."""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from guanjia.terminal.private_home import close_to_others


@pytest.fixture
def open_umask() -> Iterator[None]:
    """A shell that lets everybody read what it makes."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def modes(folder: Path) -> set[tuple[bool, str]]:
    found = [folder, *folder.rglob("*")]
    return {(path.is_dir(), oct(stat.S_IMODE(path.stat().st_mode))) for path in found}


CLOSED = {(True, "0o700"), (False, "0o600")}


@pytest.mark.usefixtures("open_umask")
def test_what_a_command_makes_is_for_its_owner_alone(
    process: Callable[..., Any], home: Path
) -> None:
    done = process(home, "simulate", "--customers", "20", "--json")
    assert done.returncode == 0, done.stderr
    assert modes(home) == CLOSED
    assert "open to other users" not in done.stderr


@pytest.mark.usefixtures("open_umask")
def test_a_home_of_before_is_closed_with_a_sentence(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "raw" / "claims").mkdir(parents=True)
    (home / "raw" / "claims" / "a.csv").write_text("a")
    (home / "elsewhere").symlink_to(home.parent)
    outside = home.parent.stat().st_mode
    close_to_others(home)
    assert capsys.readouterr().err == (
        f"Home {home} was open to other users of this machine: now it is yours alone.\n"
    )
    (home / "elsewhere").unlink()
    assert modes(home) == CLOSED
    assert home.parent.stat().st_mode == outside
    close_to_others(home)
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("open_umask")
def test_a_folder_that_is_no_home_stays_as_it_is(home: Path) -> None:
    home.mkdir()
    (home / "letter.txt").write_text("a")
    before = modes(home)
    close_to_others(home)
    assert modes(home) == before != CLOSED
