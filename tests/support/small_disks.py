"""A disk of its own for a test, which can be filled to the last byte, made read-only or fail."""

import contextlib
import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

BALLAST = "ballast"
CHUNK = 1 << 20
IN_A_FILE = "loop,errors=remount-ro"


class SmallDisk:
    """A file system in memory with a size of its own.

    Parameters
    ----------
    folder : Path
        Where it is mounted.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self) -> None:
        """Take all the room that is left."""
        with (self.folder / BALLAST).open("ab") as file:
            size = CHUNK
            while size:
                try:
                    at = file.seek(0, os.SEEK_END)
                    os.posix_fallocate(file.fileno(), at, size)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    size //= 2

    def free(self) -> None:
        """Give the room back."""
        (self.folder / BALLAST).unlink(missing_ok=True)

    @contextlib.contextmanager
    def full(self) -> Iterator[None]:
        """Let it be full in the block."""
        self.fill()
        try:
            yield
        finally:
            self.free()

    @contextlib.contextmanager
    def read_only(self) -> Iterator[None]:
        """Let nobody write to it in the block; no file of it may be open for writing then."""
        _mount("-o", "remount,ro", str(self.folder))
        try:
            yield
        finally:
            _mount("-o", "remount,rw", str(self.folder))


class FailingDisk(SmallDisk):
    """A disk of Linux in a file.

    Parameters
    ----------
    folder : Path
        Where it is mounted.
    image : Path
        The file.
    """

    def __init__(self, folder: Path, image: Path) -> None:
        super().__init__(folder)
        self._image = image

    def fail(self) -> None:
        """Let Linux find a fault: from now on it is read-only, whoever has files of it open."""
        _mount("-o", "remount,abort", str(self.folder))

    def mend(self) -> None:
        """Repair it as at the next start of a machine; no file of it may be open."""
        _run("umount", str(self.folder))
        # 1: faults were found and mended.
        assert _run("e2fsck", "-fp", str(self._image), check=False).returncode in (0, 1)
        _mount("-o", IN_A_FILE, str(self._image), str(self.folder))


@contextlib.contextmanager
def failing_disk(folder: Path, megabytes: int) -> Iterator[FailingDisk]:
    """Mount a disk that can fail on an empty folder for a while.

    As `small_disk`, the test is passed over where that is not permitted.
    """
    folder.mkdir(parents=True, exist_ok=True)
    image = folder.with_name(f"{folder.name}.image")
    with image.open("wb") as file:
        file.truncate(megabytes << 20)
    owner = f"root_owner={os.getuid()}:{os.getgid()}"
    _run("mkfs.ext4", "-q", "-m", "0", "-E", owner, str(image))
    mounted = _mount("-o", IN_A_FILE, str(image), str(folder), check=False)
    if mounted.returncode:
        pytest.skip(f"no disk in a file can be mounted here: {mounted.stderr.strip()}")
    try:
        yield FailingDisk(folder, image)
    finally:
        _run("umount", "--lazy", str(folder))
        image.unlink()


@contextlib.contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[SmallDisk]:
    """Mount a small disk on an empty folder for a while.

    Mounting needs root, or `sudo` without a password, as `.ci/run` does to install servers; where
    that is not permitted, the test is passed over and says so.
    """
    folder.mkdir(parents=True, exist_ok=True)
    options = f"size={megabytes}m,mode=700,uid={os.getuid()},gid={os.getgid()}"
    mounted = _mount("-t", "tmpfs", "-o", options, "tmpfs", str(folder), check=False)
    if mounted.returncode:
        pytest.skip(f"no disk of its own can be mounted here: {mounted.stderr.strip()}")
    try:
        yield SmallDisk(folder)
    finally:
        # What still has a file open keeps it until it ends.
        _run("umount", "--lazy", str(folder))


def _mount(*words: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
    return _run("mount", *words, check=check)


def _run(*line: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
    """Run a program of root's."""
    words = [] if os.geteuid() == 0 else ["sudo", "-n"]
    name = shutil.which(line[0], path=f"{os.environ['PATH']}:/usr/sbin:/sbin") or line[0]
    try:
        return subprocess.run(
            [*words, name, *line[1:]], check=check, capture_output=True, text=True
        )
    except FileNotFoundError as error:
        return subprocess.CompletedProcess(line, 1, "", str(error))
