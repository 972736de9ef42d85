"""A home with some days, which the tests of days share."""

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from small_days import LAST, day_of, deliver, prepare

Run = Callable[..., "CompletedProcess[str]"]


@pytest.fixture(scope="session")
def quiet_home(tmp_path_factory: pytest.TempPathFactory, run: Run) -> Path:
    """A home in which nothing went wrong, with the days 0 to `LAST`; tests leave it as it is."""
    home = tmp_path_factory.mktemp("quiet") / "home"
    prepare(home)
    for number in range(LAST + 1):
        deliver(home, number)
        done = run(home, "daily", "--as-of", str(day_of(number)))
        assert done.returncode == 0, done.stdout + done.stderr
    return home
