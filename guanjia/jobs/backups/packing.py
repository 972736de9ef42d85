"""Write the files of a backup into a folder or a tar file, hashing them on the way; read them."""

import hashlib
import os
import shutil
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

from features.errors import GuanjiaError
from features.lake import sha256_of
from features.publishing import published, published_folder
from guanjia.jobs.backups.manifest import NAME, Entry, Manifest, damaged, read_manifest

TAR = ".tar"
PIECE = 1 << 20


class HashedFile:
    """The first `size` bytes of a file, hashed while they are read.

    Parameters
    ----------
    file : BinaryIO
        The open file.
    size : int
        Bytes to read: a file that grows meanwhile is kept as long as it was.
    """

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._left = file, size
        self._digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """Read at most `size` bytes."""
        piece = self._file.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(piece)
        self._digest.update(piece)
        return piece

    @property
    def sha256(self) -> str:
        """Hash of what was read."""
        return self._digest.hexdigest()


class Packer(Protocol):
    """Takes the files of a backup."""

    def add(self, name: str, source: Path) -> Entry:
        """Copy a file into the backup under a name."""

    def add_text(self, name: str, text: str) -> None:
        """Write a text into the backup under a name."""


class FolderPacker:
    """Packs files into a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, name: str, source: Path) -> Entry:
        """Copy a file into the backup under a name."""
        target = self._folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with source.open("rb") as file, target.open("wb") as copy:
            size = os.fstat(file.fileno()).st_size
            hashed = HashedFile(file, size)
            shutil.copyfileobj(hashed, copy, PIECE)
            copy.flush()
            os.fsync(copy.fileno())
        return Entry(name, size, hashed.sha256)

    def add_text(self, name: str, text: str) -> None:
        """Write a text into the backup under a name."""
        (self._folder / name).write_text(text, "utf-8")


class TarPacker:
    """Packs files into a tar file."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar

    def add(self, name: str, source: Path) -> Entry:
        """Copy a file into the backup under a name."""
        with source.open("rb") as file:
            about = tarfile.TarInfo(name)
            about.size, about.mode = os.fstat(file.fileno()).st_size, 0o600
            hashed = HashedFile(file, about.size)
            self._tar.addfile(about, hashed)  # it calls `read` alone
        return Entry(name, about.size, hashed.sha256)

    def add_text(self, name: str, text: str) -> None:
        """Write a text into the backup under a name."""
        import io

        content = text.encode()
        about = tarfile.TarInfo(name)
        about.size, about.mode = len(content), 0o600
        self._tar.addfile(about, io.BytesIO(content))


@contextmanager
def packing(target: Path) -> Iterator[Packer]:
    """Yield what packs a backup; it appears under its name when it is whole, or not at all.

    Parameters
    ----------
    target : Path
        A folder to be made, or a file that ends in .tar.
    """
    if target.suffix == TAR:
        with published(target) as draft, tarfile.open(draft, "w") as tar:
            yield TarPacker(tar)
    else:
        with published_folder(target) as folder:
            yield FolderPacker(folder)


def manifest_of(backup: Path) -> Manifest:
    """Read the manifest of a backup.

    Raises
    ------
    GuanjiaError
        If there is no backup, or its manifest cannot be read.
    """
    try:
        if backup.is_dir():
            text = (backup / NAME).read_text("utf-8")
        else:
            with tarfile.open(backup) as tar:
                member = tar.extractfile(NAME)
                text = member.read().decode() if member is not None else ""
    except (FileNotFoundError, NotADirectoryError, KeyError, UnicodeDecodeError):
        cure = "name the folder or file that `guanjia backup` wrote"
        raise GuanjiaError(f"backup {backup}", "is not there, or is none", cure) from None
    except tarfile.TarError as error:
        raise damaged(backup, f"cannot be read ({error})") from None
    return read_manifest(text, backup)


def unpack(backup: Path, manifest: Manifest, target: Path, on_bytes: Callable[[int], None]) -> None:
    """Copy the files of a backup into a folder, and check each against its hash.

    Parameters
    ----------
    backup : Path
        The backup.
    manifest : Manifest
        Its manifest.
    target : Path
        Folder to write to, empty.
    on_bytes : callable of int
        Called with the bytes done so far.

    Raises
    ------
    GuanjiaError
        If a file is missing or altered.
    """
    for entry in manifest.entries:
        if Path(entry.path).is_absolute() or ".." in Path(entry.path).parts:
            raise damaged(backup, f"names {entry.path}, which lies outside")
    if not backup.is_dir():
        try:
            with tarfile.open(backup) as tar:
                tar.extractall(target, filter="data")
        except tarfile.TarError as error:
            raise damaged(backup, f"cannot be read ({error})") from None
    done = 0
    for entry in manifest.entries:
        path = target / entry.path
        path.parent.mkdir(parents=True, exist_ok=True)
        if entry.same_as is not None:
            _link(target / entry.same_as, path)
            continue
        if backup.is_dir() and (backup / entry.path).is_file():
            shutil.copyfile(backup / entry.path, path)
        if not path.is_file():
            raise damaged(backup, f"lacks {entry.path}")
        if sha256_of(path) != entry.sha256:
            raise damaged(backup, f"has another {entry.path} than was backed up")
        path.chmod(0o600)
        done += entry.size
        on_bytes(done)


def _link(existing: Path, path: Path) -> None:
    """Give a file a second name; copy it where there are no hard links."""
    try:
        os.link(existing, path)
    except OSError:
        shutil.copyfile(existing, path)
