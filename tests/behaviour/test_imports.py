"""No command loads a library that it does not need: whoever types it would wait for it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow
PROGRAM = """
import json, sys
from guanjia.cli import main
try:
    main()
finally:
    print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})), file=sys.stderr)
"""
LEARNING = {"feast", "mlflow", "econml", "sklearn", "bentoml"}
MODELS = LEARNING | {"lightgbm", "scipy"}
RECORDS = {"sqlalchemy", "alembic"}
ENGINES = {"duckdb", "ibis", "numpy", "pandas", "pyarrow"}
COMMANDS = {
    "--help": MODELS | ENGINES,
    "rate --no-such-option": MODELS | ENGINES,
    "train no_such_model": MODELS | {"pandas"},
    "compare no_such_model": MODELS | {"pandas"},
    "promote no_such_model --who me --why test": MODELS | {"pandas"},
    "rollback no_such_model --who me --why test": MODELS | {"pandas"},
    "monitor --model no_such_model": MODELS | {"pandas"},
    "list no_such_list": MODELS | RECORDS | {"pandas", "pyarrow", "numpy"},
    "list renewal_risk --where no_such_column=1": MODELS | RECORDS | {"pandas", "pyarrow", "numpy"},
    "rate CUSTOMER": MODELS | RECORDS | {"pandas"},
    "entitlements CUSTOMER": MODELS | RECORDS | {"pandas"},
    "account CUSTOMER": MODELS | RECORDS | {"pandas"},
    "account --by branch": MODELS | RECORDS | {"pandas"},
    "segments": MODELS | RECORDS | {"pandas"},
    "touchpoints": MODELS | {"pandas"},
    "triggers --as-of AS_OF": MODELS | {"pandas", "alembic"},
    "content-try 您好 --channel sms": MODELS | ENGINES,
    "token somebody": MODELS | ENGINES,
    "triggers --as-of 2026-06-30": MODELS | {"alembic"},
    "check": MODELS | RECORDS | {"pandas"},
    "list renewal_risk": LEARNING | {"lightgbm", "pandas", "alembic"},
    "score": LEARNING,
    "erase --pending": MODELS | ENGINES | {"alembic"},
}
STORED = ("entitlements CUSTOMER", "account CUSTOMER", "account --by branch")
"""Commands that run SQL which an earlier one stored."""
STORED_BY: set[str] = set()
"""Commands that were run in this home, hence have stored theirs."""


@pytest.fixture(scope="module")
def home(
    demo: tuple[Path, dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, str]]:
    """A copy of the demo that commands may change; one of its customers, and its date."""
    folder = tmp_path_factory.mktemp("imports") / "home"
    shutil.copytree(demo[0], folder)
    as_of = max(path.stem for path in (folder / "snapshots").glob("*.json"))
    return folder, {"CUSTOMER": demo[1]["top"][0]["customer_id"], "AS_OF": as_of}


def loaded(command: str, home: tuple[Path, dict[str, str]]) -> set[str]:
    """The packages that a command loads, in a process of its own."""
    words = [home[1].get(word, word) for word in command.split()]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words],
        env={**os.environ, "GUANJIA_HOME": str(home[0])},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    fault = "no_such" in command or "no-such" in command
    assert done.returncode in ((2,) if fault else (0, 1)), done.stderr
    packages = set(json.loads(done.stderr.splitlines()[-1]))
    assert "typer" in packages
    return packages


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_loads_only_what_it_needs(
    command: str, home: tuple[Path, dict[str, str]]
) -> None:
    assert loaded(command, home) & COMMANDS[command] == set()
    STORED_BY.add(command)


@pytest.mark.parametrize("command", STORED)
def test_a_command_with_stored_sql_loads_no_ibis(
    command: str, home: tuple[Path, dict[str, str]]
) -> None:
    if command not in STORED_BY:
        loaded(command, home)
    packages = loaded(command, home)
    assert "duckdb" in packages
    assert packages & {"ibis", "sqlglot"} == set()
