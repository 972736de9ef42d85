"""The wheel is the whole product: installed outside the repository, it runs the demo."""

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
from shared import link_compiled

ROOT = Path(__file__).parents[2]
CUSTOMERS = 900
"""Fewer have too few claims to learn from."""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    line = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(line, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("guanjia-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `guanjia` of an environment of its own, which borrows the libraries of this one.

    A line of a `.pth` file adds a folder and not what that folder's own `.pth` files add: so the
    checkout is not seen.
    """
    place = tmp_path_factory.mktemp("elsewhere") / "venv"
    words = [sys.executable, "-m", "venv", "--without-pip", str(place)]
    subprocess.run(words, check=True, capture_output=True)
    python = place / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps"]
    quiet = ["--no-index", "--no-compile", "--disable-pip-version-check", "--quiet"]
    subprocess.run([*pip, *quiet, str(wheel)], check=True, capture_output=True)
    (own,) = (place / "lib").glob("python*/site-packages")
    (own / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return place / "bin" / "guanjia"


def test_every_file_of_the_product_is_in_the_wheel(wheel: Path) -> None:
    rooms = ("features", "training", "serving", "guanjia")
    listed = subprocess.run(
        ["git", "ls-files", "-z", *rooms], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git working tree")
    tracked = {name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()}
    with zipfile.ZipFile(wheel) as packed:
        names = set(packed.namelist())
        (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        stated = packed.read(metadata).decode()
    assert tracked - names == set()
    assert {Path(name).suffix for name in tracked} >= {".toml", ".html", ".jinja", ".yaml"}
    for extra in ("redis", "postgres", "spark", "mysql"):
        assert f"Provides-Extra: {extra}" in stated


def test_the_demo_runs_from_the_wheel_in_an_empty_folder(
    installed: Path, tmp_path: Path, compiled_once: Path
) -> None:
    link_compiled(tmp_path / ".guanjia", compiled_once)  # test_compiled.py compiles anew
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("GUANJIA_", "PYTHON"))
    }

    def guanjia(*words: str) -> str:
        done = subprocess.run(
            [str(installed), *words],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=500,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    python = installed.with_name("python")
    asked = "import guanjia, features; print(guanjia.__file__); print(features.__file__)"
    places = subprocess.run(
        [str(python), "-c", asked], cwd=tmp_path, env=environment, capture_output=True, text=True,
        check=True,
    ).stdout.split()  # fmt: skip
    assert all(Path(place).is_relative_to(installed.parents[1]) for place in places)
    shown = json.loads(guanjia("demo", "--customers", str(CUSTOMERS), "--json"))
    assert len(shown["models"]) == 8
    assert (tmp_path / ".guanjia" / "home.json").exists()
    release = guanjia("--version").split()[1]
    assert json.loads((tmp_path / ".guanjia" / "home.json").read_text())["release"] == release
    assert Path(shown["list_file"]).is_relative_to(tmp_path)
