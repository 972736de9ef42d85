"""The wheel of this checkout, and an environment in which it is installed."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).parents[2]


def build_wheel(folder: Path) -> Path:
    """Build it into a folder; return its path."""
    line = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(line, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("guanjia-*.whl")
    return built


def install_wheel(wheel: Path, place: Path) -> None:
    """Make an environment of its own, which borrows the libraries of this one, at a place.

    A line of a `.pth` file adds a folder and not what that folder's own `.pth` files add: so the
    checkout is not seen.
    """
    words = [sys.executable, "-m", "venv", "--without-pip", str(place)]
    subprocess.run(words, check=True, capture_output=True)
    pip = [sys.executable, "-m", "pip", "--python", str(place / "bin" / "python")]
    quiet = ["--no-index", "--no-compile", "--disable-pip-version-check", "--quiet"]
    words = [*pip, "install", "--no-deps", *quiet, str(wheel)]
    subprocess.run(words, check=True, capture_output=True)
    (own,) = (place / "lib").glob("python*/site-packages")
    (own / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")


def run_installed(place: Path, folder: Path, *words: str) -> str:
    """Run a program of the environment, with no setting and no path of this checkout.

    Parameters
    ----------
    place : Path
        As `install_wheel` made it.
    folder : Path
        Where it is run: its home is `.guanjia` there.
    *words : str
        The name of the program, and what follows it.

    Returns
    -------
    str
        What it printed; a program that fails is a failure of the test.
    """
    name, *more = words
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("GUANJIA_", "PYTHON"))
    }
    done = subprocess.run(
        [str(place / "bin" / name), *more],
        cwd=folder,
        env=environment | {"MLFLOW_DISABLE_TELEMETRY": "true"},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout
