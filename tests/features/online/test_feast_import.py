"""Feast is imported without its type checks at run time, whichever module comes first."""

import subprocess
import sys

import pytest

CODE = """
import features.online.{module}, feast
print("typeguard" in feast.Entity.__init__.__code__.co_names)
"""


@pytest.mark.parametrize("module", ["views", "feast_home"])
def test_feast_does_not_compile_its_checks(module: str) -> None:
    code = CODE.format(module=module)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False"], done.stderr


def test_the_check_that_is_looked_for_is_what_feast_compiles() -> None:
    """The test above could not fail if typeguard called it otherwise."""
    code = CODE.replace("features.online.{module}, ", "")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["True"], done.stderr
