"""What `guanjia list` says of a fault: one line, with its cure, and no file."""

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

Demo = tuple[Path, dict[str, Any]]
Run = Callable[..., "CompletedProcess[str]"]
pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (
            ["renewal_risk", "--where", "renewl < 0.5"],
            "column renewl: is not known. Did you mean renewal",
        ),
        (["renewal_rik"], "list renewal_rik: is not known. Did you mean renewal_risk"),
        (
            ["renewal_risk", "--where", "channel > 3"],
            "condition: asks for channel = '3', which 渠道 cannot be",
        ),
        (
            ["renewal_risk", "--as-of", "2026-05-31"],
            "day 2026-05-31: is not the published one, which is 2026-06-30. Leave out --as-of, or"
            " run `guanjia publish --as-of 2026-05-31` first.",
        ),
    ],
)
def test_a_fault_is_one_line_with_its_cure(
    words: list[str], fault: str, demo: Demo, run: Run, tmp_path: Path
) -> None:
    out = tmp_path / "list.csv"
    done = run(demo[0], "list", *words, "--out", str(out))
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(fault)
    assert done.stderr.count("\n") == 1
    assert not out.exists()
