"""The scales of pictures: round steps, few of them, and nothing drawn outside the frame."""

import re

from hypothesis import given
from hypothesis import strategies as st

from training.evaluation.charts import BOTTOM, LEFT, RIGHT, TOP, WIDTH, Line, Mark, intervals, lines

HEIGHT = 320
NUMBERS = st.floats(-1e6, 1e6, allow_nan=False).filter(lambda value: abs(value) > 1e-6)


def picture(points: list[tuple[float, float]]) -> str:
    return lines(
        [Line("x", points, dots=True)],
        "across",
        "up",
        "a picture",
        format_across=lambda value: f"{value:.6g}",
        format_up=lambda value: f"{value:.6g}",
        height=HEIGHT,
    )


def ticks(svg: str, side: str) -> list[str]:
    return re.findall(rf'<text class="tick {side}"[^>]*>([^<]*)</text>', svg)


def test_steps_are_round_and_the_ends_are_ticks() -> None:
    # From 0.02 to 0.31 in at most five steps of 0.058: of 0.1. From 3 to 19, of 3.2: of 5.
    svg = picture([(0.02, 3.0), (0.31, 19.0)])
    assert ticks(svg, "mid") == ["0", "0.1", "0.2", "0.3", "0.4"]
    assert ticks(svg, "end") == ["0", "5", "10", "15", "20"]
    # Of 0.2 from below zero; of 2.5.
    svg = picture([(-0.3, -8.0), (0.7, 3.0)])
    assert ticks(svg, "mid") == ["-0.4", "-0.2", "0", "0.2", "0.4", "0.6", "0.8"]
    assert ticks(svg, "end") == ["-10", "-7.5", "-5", "-2.5", "0", "2.5", "5"]


def test_an_end_that_is_a_whole_step_is_the_first_tick() -> None:
    # 0.3 / 0.1 is 2.9999999999999996.
    assert ticks(picture([(0.3, 0.0), (0.7, 1.0)]), "mid") == ["0.3", "0.4", "0.5", "0.6", "0.7"]


def test_a_single_value_has_a_scale_too() -> None:
    assert len(ticks(picture([(1.0, 1.0), (1.0, 1.0)]), "mid")) >= 2


def test_the_guide_of_intervals_is_within_the_scale() -> None:
    svg = intervals([Mark("a", 0.93, 0.9, 0.96)], 1.0, "a picture", formatter=lambda v: f"{v:.2f}")
    # From 0.90 to 1.00 in steps of 0.02.
    assert ticks(svg, "mid") == ["0.90", "0.92", "0.94", "0.96", "0.98", "1.00"]


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=2, max_size=6))
def test_nothing_is_drawn_outside_and_ticks_are_few(points: list[tuple[float, float]]) -> None:
    svg = picture(points)
    places = re.findall(r'<circle [^>]*cx="([^"]+)" cy="([^"]+)"', svg)
    assert len(places) == len(points)
    for x, y in places:
        assert LEFT - 0.1 <= float(x) <= WIDTH - RIGHT + 0.1
        assert TOP - 0.1 <= float(y) <= HEIGHT - BOTTOM + 0.1
    for side in ("mid", "end"):
        assert 2 <= len(ticks(svg, side)) <= 7
