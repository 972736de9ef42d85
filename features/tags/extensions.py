"""Load extensions: tags, models and target lists of one's own, declared outside this code.

An extension is a Python module that declares them when it is imported. It comes from an installed
package, as an entry point of the group `guanjia.extensions`, or from a file of the home,
`<home>/extensions/*.py`. It runs with the rights of whoever runs the command: so a file that others
could have written is refused, and nothing runs where an extension cannot be loaded.
"""

import hashlib
import importlib.metadata
import importlib.util
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType

from features.errors import GuanjiaError

GROUP = "guanjia.extensions"
FOLDER = "extensions"
WRITABLE = 0o022
"""Permissions by which others than the owner write a file."""


@dataclass(frozen=True)
class Extension:
    """An extension that was loaded.

    Attributes
    ----------
    name : str
        "claims.py" of the home, or "package acme-tags, claims".
    sha256 : str
        Hash of its sources: of the file, or of every module of its package.
    tags : tuple of str
        Tags that it declared.
    """

    name: str
    sha256: str
    tags: tuple[str, ...]


_loaded: dict[str, Extension] = {}
"""By path or entry point: a module declares once in a process."""


def load_extensions(home: Path) -> list[Extension]:
    """Load the extensions of installed packages and of a home, unless that was done before.

    Parameters
    ----------
    home : Path
        The folder of all state.

    Returns
    -------
    list of Extension
        All that this process has loaded.

    Raises
    ------
    GuanjiaError
        If one cannot be loaded, declares what is declared already, or could have been written by
        other users; it names the file and the line.
    """
    # Sorted: the same extensions give the same catalogue in every process.
    points = importlib.metadata.entry_points(group=GROUP)
    for point in sorted(points, key=lambda point: point.name):
        package = point.dist.name if point.dist is not None else point.value
        _load(f"{GROUP}:{point.value}", f"package {package}, {point.name}", point.load)
    folder = home / FOLDER
    for path in sorted(folder.glob("*.py")):
        for checked in (home, folder, path):
            _check_writers(checked)
        _load(str(path), path.name, partial(_run, path), path)
    return list(_loaded.values())


def tag_sources() -> dict[str, str]:
    """Return name -> hash of the loaded extensions that declare tags."""
    return {entry.name: entry.sha256 for entry in _loaded.values() if entry.tags}


def sources() -> dict[str, str]:
    """Return name -> hash of all loaded extensions."""
    return {entry.name: entry.sha256 for entry in _loaded.values()}


def _load(key: str, name: str, load: Callable[[], ModuleType], path: Path | None = None) -> None:
    """Load one extension, and note which tags it declared."""
    if key in _loaded:
        return
    # Imported only now: most homes have no extension, and their commands do not wait for this.
    from features.tags.catalogue import catalogue, every_tag

    before = catalogue()
    try:
        module = load()
        tags = tuple(tag for tag in catalogue() if tag not in before)
    except (Exception, SystemExit) as fault:
        raise _failure(name, fault, path) from fault
    every_tag.cache_clear()
    _loaded[key] = Extension(name, _hash(module), tags)


def _run(path: Path) -> ModuleType:
    """Run a file of the home as a module."""
    name = f"guanjia_extension_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no module of Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _check_writers(path: Path) -> None:
    """Refuse a file or folder that another user owns or may write."""
    status = path.stat()
    if status.st_uid not in (os.geteuid(), 0):
        fault = "belongs to another user of this machine, and its code would run with your rights"
        raise GuanjiaError(f"extension {path}", fault, f"read it, then make it yours: chown {path}")
    if status.st_mode & WRITABLE:
        fault = "can be written by other users of this machine, and runs with your rights"
        raise GuanjiaError(f"extension {path}", fault, f"read it, then `chmod go-w {path}`")


def _failure(name: str, fault: BaseException, path: Path | None) -> GuanjiaError:
    """Make the error for an extension that cannot be loaded, with the place of the fault."""
    if isinstance(fault, SyntaxError) and fault.filename:
        place = f"{fault.filename}, line {fault.lineno}"
    else:
        frames = traceback.extract_tb(fault.__traceback__)
        own = [frame for frame in frames if path is not None and frame.filename == str(path)]
        last = (own or frames)[-1]
        place = f"{last.filename}, line {last.lineno}"
    if isinstance(fault, GuanjiaError):
        return GuanjiaError(
            f"extension {name}",
            f"cannot be loaded ({place}): {fault.thing} {fault.fault}",
            fault.cure,
        )
    away = f"or move {path} elsewhere" if path is not None else "or uninstall the package"
    return GuanjiaError(
        f"extension {name}",
        f"cannot be loaded ({place}): {type(fault).__name__}: {fault}",
        f"mend it, {away}; no command runs without it",
    )


def _hash(module: ModuleType) -> str:
    """Hash the sources of a module, or of the whole package it belongs to."""
    digest = hashlib.sha256()
    for path in _sources(module):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _sources(module: ModuleType) -> Iterator[Path]:
    top = sys.modules.get(module.__name__.partition(".")[0], module)
    folders = [Path(folder) for folder in getattr(top, "__path__", ())]
    if not folders and module.__file__:
        yield Path(module.__file__)
    for folder in folders:
        yield from sorted(folder.rglob("*.py"))
