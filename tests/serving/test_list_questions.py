"""What a list asks for is checked before any data is read."""

import re
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from features.errors import GuanjiaError
from features.lake import Lake
from features.settings import load
from serving.lists.questions import check_list, read_where
from training.models import MODELS


@pytest.mark.parametrize(
    ("where", "cure"),
    [
        ("概率 > 0.5", "Did you mean renewal (续保概率)"),
        ("手机号 is not null", "who a customer is cannot be asked for"),
        ("chrun > 0.5", "Did you mean churn"),
    ],
)
def test_what_cannot_be_asked_is_refused(where: str, cure: str) -> None:
    with pytest.raises(GuanjiaError) as refused:
        check_list(Lake(load()), "renewal_risk", where)
    assert cure in str(refused.value)


def test_the_texts_of_a_condition_are_known() -> None:
    where = "channel = 'agent' and not star_name in ('黄金', '白银') and star > 1"
    assert check_list(Lake(load()), "renewal_risk", where).texts == [
        ("channel", "agent"), ("star_name", "黄金"), ("star_name", "白银"),
    ]  # fmt: skip


def test_headings_and_labels_are_read() -> None:
    where = f"星级 ≥ 黄金 且 {MODELS['renewal'].label} < 60% 且 渠道 = 代理"
    question = check_list(Lake(load()), "renewal_risk", where)
    assert question.conditions[-1] == (
        '"star_level" >= 3 AND "renewal" < 0.6 AND "channel" = \'agent\''
    )


def test_the_examples_of_the_page_mean_what_it_says() -> None:
    page = (Path(__file__).parents[2] / "docs" / "conditions.md").read_text(encoding="utf-8")
    examples = re.findall(r"^\| `(.*?)` \| `(.*?)` \|$", page, re.MULTILINE)
    assert len(examples) >= 7
    for typed, plain in examples:
        assert read_where(Lake(load()), typed).plain == plain


@pytest.mark.slow
def test_a_word_that_no_customer_has_is_refused(
    demo: tuple[Path, dict[str, Any]], run: Callable[..., "CompletedProcess[str]"]
) -> None:
    done = run(demo[0], "list", "renewal_risk", "--where", "channel = 'Agent'")
    assert done.returncode == 2
    assert "asks for channel = 'Agent', which 渠道 cannot be. Did you mean agent?" in done.stderr
