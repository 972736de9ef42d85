"""Where a model comes from: data, code and environment, each as something two runs can compare."""

import hashlib
import platform
import subprocess
from collections.abc import Mapping
from functools import cache
from importlib.metadata import distributions, version
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("features", "training")
"""What decides a model's bytes: the rooms it is made in."""


def data_identity(frame: pd.DataFrame) -> dict[str, str]:
    """A hash of each column of a training frame, rows in its order; `rows` counts them."""
    found = {
        str(name): hashlib.sha256(
            pd.util.hash_pandas_object(frame[name], index=False).to_numpy().tobytes()
        ).hexdigest()[:16]
        for name in frame
    }
    return {"rows": str(len(frame)), **found}


def code_identity() -> dict[str, str]:
    """The package's version, a hash of its sources, and the commit where there is one."""
    sources = hashlib.sha256()
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*")):
            if path.suffix in {".py", ".toml", ".yaml"}:
                sources.update(path.relative_to(ROOT).as_posix().encode() + b"\0")
                sources.update(path.read_bytes() + b"\0")
    found = {"version": version("guanjia"), "sources_sha256": sources.hexdigest()}
    if (ROOT / ".git").exists():
        asked = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
        )
        if asked.returncode == 0:
            found["commit"] = asked.stdout.strip()
    return found


@cache
def environment() -> dict[str, str]:
    """Python, machine and the version of every package installed."""
    packages = {
        str(one.metadata["Name"]).lower(): one.version
        for one in distributions()
        if one.metadata["Name"]
    }
    machine = f"{platform.system()} {platform.machine()}"
    return {
        "python": platform.python_version(),
        "machine": machine,
        **dict(sorted(packages.items())),
    }


def changes(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """What differs, in words, by name.

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
