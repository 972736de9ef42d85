"""Deliver the files of a case into a home, and run commands on it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from case_files import NOW, Checked

CASES = Path(__file__).parent
TABLES = ("customers", "vehicles", "policies", "claims", "claim_movements", "consents",
          "customer_merges")  # fmt: skip
Run = Callable[..., "CompletedProcess[str]"]


@pytest.fixture
def delivered(home: Path) -> Callable[[str], Path]:
    """Lay the tables of a case under raw/ of a home; what it lacks is of `base`."""

    def deliver(case: str) -> Path:
        assert (CASES / case).is_dir(), case
        home.mkdir(mode=0o700)
        for name in TABLES:
            target = home / "raw" / name
            for source in (CASES / "base", CASES / case):
                files = [source / f"{name}{ending}" for ending in (".csv", ".parquet")]
                for file in filter(Path.exists, files):
                    shutil.rmtree(target, ignore_errors=True)
                    target.mkdir(parents=True)
                    shutil.copy(file, target / f"a{file.suffix}")
                if (source / name).is_dir():
                    shutil.rmtree(target, ignore_errors=True)
                    shutil.copytree(source / name, target)
        return home

    return deliver


@pytest.fixture
def check(delivered: Callable[[str], Path], run: Run) -> Callable[..., Checked]:
    """Deliver a case and check it; `bounds` are fields of check.toml."""

    def checked(case: str, bounds: str = "") -> Checked:
        home = delivered(case)
        if bounds:
            (home / "check.toml").write_text(bounds, encoding="utf-8")
        done = run(home, "check", "--json", "--now", NOW)
        assert "Traceback" not in done.stderr, done.stderr
        error = json.loads(done.stderr)["error"] if done.returncode else {}
        if not done.stdout:
            return Checked(home, done.returncode, error)
        found = json.loads(done.stdout)
        tables = {row["table"]: row for row in found["tables"]}
        return Checked(home, done.returncode, error, tables, found["unused"])

    return checked
