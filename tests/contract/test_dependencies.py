"""What the product imports is what pyproject.toml declares: no more, and no less."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = ("features", "training", "serving", "guanjia")
DRIVERS = {"psycopg2-binary", "pymysql", "python-multipart"}
"""Declared and imported by others: SQLAlchemy finds the driver by a URL, FastAPI reads forms."""
BROUGHT = {
    "mlflow-skinny": "mlflow",
    "mlflow-tracing": "mlflow",
    "pydantic-core": "pydantic",
    "starlette": "fastapi",
    "anyio": "fastapi",
    "markupsafe": "jinja2",
    "typeguard": "feast",
}
"""Parts of a library that are distributions of their own -> what brings them."""
SHARED = {"opentelemetry": {"opentelemetry-exporter-otlp-proto-http", "opentelemetry-sdk"}}
"""Names that many distributions share -> those of them whose modules we import."""


def imported() -> set[str]:
    """The distributions that files of the product import."""
    names: set[str] = set()
    for path in (path for room in ROOMS for path in (ROOT / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names.add(str(node.module).split(".")[0])
    others = names - {*ROOMS, *sys.stdlib_module_names}
    known = packages_distributions()
    assert others <= set(known), f"not installed: {sorted(others - set(known))}"
    owners = {known[name][0].lower().replace("_", "-") for name in others - set(SHARED)}
    shared = {owner for name in others & set(SHARED) for owner in SHARED[name]}
    return {BROUGHT.get(owner, owner) for owner in owners} | shared


def declared() -> set[str]:
    """The distributions that pyproject.toml asks for, of the product and its extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    lines = [*project["dependencies"], *(line for extra in extras for line in extra)]
    return {re.split(r"[\[<>=]", line)[0].lower() for line in lines}


def test_what_is_imported_is_declared() -> None:
    assert imported() - declared() == set()


def test_what_is_declared_is_imported() -> None:
    assert declared() - imported() - DRIVERS == set()
