"""What a long command shows before it is done."""

import re
from collections.abc import Callable

import pytest
from typer.testing import CliRunner

from features.errors import GuanjiaError
from features.progress import Report
from guanjia.cli import app
from guanjia.jobs import demo
from guanjia.terminal.output import progress


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str]) -> Callable[[Callable[[Report], None]], list[str]]:
    """The lines that a step shows where there is no terminal, without the seconds."""

    def lines(step: Callable[[Report], None]) -> list[str]:
        with progress() as report:
            step(report)
        return [re.sub(r"[0-9.]+ s", "_ s", line) for line in capsys.readouterr().err.splitlines()]

    return lines


def test_a_step_begins_and_ends_in_a_line_each(shown: Callable[..., list[str]]) -> None:
    def steps(report: Report) -> None:
        for done in range(4):
            report("check", done, 3)
        report("labels", 0, None)
        report("score", 1_000, 1_000)

    assert shown(steps) == [
        "check ...", "check: 3, _ s", "labels ...", "labels: _ s", "score ...", "score: 1,000, _ s",
    ]  # fmt: skip


def test_a_step_that_holds_others_says_how_far_it_is_after_each(
    shown: Callable[..., list[str]],
) -> None:
    def steps(report: Report) -> None:
        for done, model in enumerate(("renewal", "churn")):
            report("models trained", done, 2)
            for window in range(3):
                report(f"{model}: candidates", window, 2)
            report(f"{model}: peers", 0, None)
        report("models trained", 2, 2)

    assert shown(steps) == [
        "models trained ...",
        "renewal: candidates ...",
        "renewal: candidates: 2, _ s",
        "renewal: peers ...",
        "renewal: peers: _ s",
        "models trained: 1 of 2, _ s left",
        "churn: candidates ...",
        "churn: candidates: 2, _ s",
        "churn: peers ...",
        "churn: peers: _ s",
        "models trained: 2, _ s",
    ]


def test_the_demo_shows_stars_and_segments_before_it_trains(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def begun(lake: object, *_: object) -> demo.Demo:
        stars = [{"star": "5 diamond", "customers": 3}]
        segments = [{"segment": "safe_driver", "customers": 2}]
        return demo.Demo(home, demo.TODAY, 3, stars=stars, segments=segments)

    def finish(*_: object) -> None:
        raise GuanjiaError("training", "was not waited for", "look at what was shown")

    home = demo.Path("nowhere")
    monkeypatch.setattr(demo, "begin_demo", begun)
    monkeypatch.setattr(demo, "finish_demo", finish)
    done = CliRunner().invoke(app, ["demo", "--customers", "3"])
    assert isinstance(done.exception, GuanjiaError) or done.exit_code == 2
    assert "5 diamond" in done.stdout
    assert "safe_driver" in done.stdout
