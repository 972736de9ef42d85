"""The wheel is the whole product: installed outside the repository, it ran the demo of all tests
in an empty folder."""

import json
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest
from wheel import run_installed

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


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
    demo: tuple[Path, dict[str, Any]], installed: Path, tmp_path: Path
) -> None:
    home, shown = demo
    asked = "import guanjia, features; print(guanjia.__file__); print(features.__file__)"
    places = run_installed(installed, tmp_path, "python", "-c", asked).split()
    assert all(Path(place).is_relative_to(installed) for place in places)
    assert len(shown["models"]) == 8
    release = run_installed(installed, tmp_path, "guanjia", "--version").split()[1]
    assert json.loads((home / "home.json").read_text())["release"] == release
    assert home.name == ".guanjia"
    assert Path(shown["list_file"]).is_relative_to(home.parent)
