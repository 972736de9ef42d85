"""What a list asks for is checked before any data is read."""

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from features.errors import GuanjiaError
from features.lake import Lake
from features.settings import load
from serving.lists.questions import check_list
from training.models import MODELS


@pytest.mark.parametrize(
    ("where", "cure"),
    [
        ("星级 >= 3", "Did you mean star_level?"),
        (f"{MODELS['renewal'].label} > 0.5", "Did you mean renewal?"),
        ("手机号 is not null", "who a customer is cannot be asked for"),
        ("chrun > 0.5", "Did you mean churn"),
    ],
)
def test_a_heading_names_its_column(where: str, cure: str) -> None:
    with pytest.raises(GuanjiaError) as refused:
        check_list(Lake(load()), "renewal_risk", where)
    assert cure in str(refused.value)


def test_the_texts_of_a_condition_are_known() -> None:
    where = "channel = 'agent' and not star_name in ('黄金', '白银') and star > 1"
    assert check_list(Lake(load()), "renewal_risk", where).texts == [
        ("channel", "agent"), ("star_name", "黄金"), ("star_name", "白银"),
    ]  # fmt: skip


@pytest.mark.slow
def test_a_word_that_no_customer_has_is_refused(
    demo: tuple[Path, dict[str, Any]], run: Callable[..., "CompletedProcess[str]"]
) -> None:
    done = run(demo[0], "list", "renewal_risk", "--where", "channel = 'Agent'")
    assert done.returncode == 2
    assert "condition: asks for channel = 'Agent', which no customer has" in done.stderr
    assert "agent" in done.stderr.split("which no customer has")[1]
