"""The whole product, small, as a user runs it."""

import csv
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

Demo = tuple[Path, dict[str, Any]]
Run = Callable[..., "CompletedProcess[str]"]
ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


def test_the_demo_counts_every_customer_once(demo: Demo) -> None:
    _, result = demo
    assert 0 < sum(row["customers"] for row in result["stars"]) <= result["customers"]
    stars = {"5 钻石", "4 铂金", "3 黄金", "2 白银", "1 青铜"}
    assert {row["star"] for row in result["stars"]} <= stars
    assert 0 <= result["doubtful"] <= result["expiring"]
    assert 0 < result["leaving"] < result["expiring"]
    assert 0 < result["churning"] < result["insured"]
    for total in ("leaving", "churning"):
        low, high = result[f"{total}_interval"]
        assert 0 <= low < result[total] < high <= result["insured"]


def test_the_demo_trains_every_model(demo: Demo) -> None:
    assert len(demo[1]["models"]) == 8


def test_the_list_opens_in_a_spreadsheet(demo: Demo) -> None:
    file = Path(demo[1]["list_file"])
    assert file.read_bytes().startswith(b"\xef\xbb\xbf")
    with file.open(encoding="utf-8-sig", newline="") as text:
        rows = list(csv.reader(text))
    assert len(rows) > 1
    assert all(len(row) == len(rows[0]) for row in rows)
    # A negative number is no formula.
    texts = [cell for row in rows[1:] for cell in row if not re.fullmatch(r"-?[\d.]+", cell)]
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in texts)


def test_a_rating_explains_itself(demo: Demo, run: Run) -> None:
    home, result = demo
    customer = result["top"][0]["customer_id"]
    shown = run(home, "rate", customer, "--as-of", result["as_of"])
    assert shown.returncode == 0, shown.stderr
    assert customer in shown.stdout
    assert json.loads(run(home, "rate", customer, "--json").stdout)


def test_an_unknown_customer_is_a_fault_with_a_cure(demo: Demo, run: Run) -> None:
    answer = run(demo[0], "rate", "nobody", "--json")
    assert answer.returncode == 2
    assert set(json.loads(answer.stderr.splitlines()[-1])["error"]) == {"thing", "fault", "cure"}


def test_scoring_again_changes_nothing(demo: Demo, run: Run) -> None:
    home, result = demo
    file = home / "scores" / f"as_of={result['as_of']}.parquet"
    before = file.read_bytes()
    again = run(home, "score", "--as-of", result["as_of"], "--json")
    assert again.returncode == 0, again.stderr
    assert file.read_bytes() == before


KERNEL = "from ipykernel.kernelapp import launch_new_instance; launch_new_instance()"
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(
    path: Path, demo: Demo, loaded: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a copy: a notebook may train, and the other tests read the demo as it was."""
    home = tmp_path / "copy"
    shutil.copytree(demo[0], home)
    monkeypatch.setenv("GUANJIA_HOME", str(home))
    notebook = nbformat.read(path, as_version=4)
    declared = tmp_path / "jupyter" / "kernels" / "loaded" / "kernel.json"
    declared.parent.mkdir(parents=True)
    words = [*loaded, KERNEL, "-f", "{connection_file}"]
    text = json.dumps({"argv": words, "display_name": "loaded", "language": "python"})
    declared.write_text(text, "utf-8")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    NotebookClient(notebook, timeout=400, kernel_name="loaded").execute()
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    shown = [one for cell in code for one in cell.outputs]
    assert any("image/png" in one.get("data", {}) for one in shown)
    assert not any("def " in cell.source for cell in code)
