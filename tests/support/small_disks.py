"""A disk of its own for a test, which can be filled to the last byte or made read-only."""

import contextlib
import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

BALLAST = "ballast"
CHUNK = 1 << 20


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
        subprocess.run([*_root(), "umount", "--lazy", str(folder)], check=True)


def _mount(*words: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
    line = [*_root(), "mount", *words]
    try:
        return subprocess.run(line, check=check, capture_output=True, text=True)
    except FileNotFoundError as error:
        return subprocess.CompletedProcess(line, 1, "", str(error))


def _root() -> list[str]:
    return [] if os.geteuid() == 0 else ["sudo", "-n"]
