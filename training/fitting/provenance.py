"""Identify the data, code and environment of a training run, so that two runs can be compared."""

import hashlib
import platform
import subprocess
from collections.abc import Mapping
from functools import cache
from importlib.metadata import distributions, version
from pathlib import Path

import pandas as pd

from features.tags import extensions

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("features", "training")
"""Packages whose sources decide the bytes of a model."""


def data_identity(frame: pd.DataFrame) -> dict[str, str]:
    """Hash every column of a training frame, in the order of its rows; `rows` counts them."""
    hashes = {
        str(name): hashlib.sha256(
            pd.util.hash_pandas_object(frame[name], index=False).to_numpy().tobytes()
        ).hexdigest()[:16]
        for name in frame
    }
    return {"rows": str(len(frame)), **hashes}


def code_identity() -> dict[str, str]:
    """Return the package's version, hashes of its and extensions' sources, and the Git commit."""
    sources = hashlib.sha256()
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*")):
            if path.suffix in {".py", ".toml", ".yaml"}:
                sources.update(path.relative_to(ROOT).as_posix().encode() + b"\0")
                sources.update(path.read_bytes() + b"\0")
    identity = {"version": version("guanjia"), "sources_sha256": sources.hexdigest()}
    identity |= {f"extension {name}": sha256 for name, sha256 in extensions.sources().items()}
    if (ROOT / ".git").exists():
        git = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
        )
        if git.returncode == 0:
            identity["commit"] = git.stdout.strip()
    return identity


@cache
def environment() -> dict[str, str]:
    """List the versions of Python, the machine and every installed package."""
    packages = {
        str(package.metadata["Name"]).lower(): package.version
        for package in distributions()
        if package.metadata["Name"]
    }
    machine = f"{platform.system()} {platform.machine()}"
    return {
        "python": platform.python_version(),
        "machine": machine,
        **dict(sorted(packages.items())),
    }


def changes(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Describe what differs between two runs, a line per name.

    Examples
    --------
    >>> changes({"numpy": "2.1", "scipy": "1.14"}, {"numpy": "2.2", "scipy": "1.14", "rich": "14"})
    ['numpy: 2.1, now 2.2', 'rich: none, now 14']
    """
    names = sorted({*before, *now})
    return [
        f"{name}: {before.get(name, 'none')}, now {now.get(name, 'none')}"
        for name in names
        if before.get(name) != now.get(name)
    ]
