"""Draw small charts as SVG text: lines with bands, intervals against a guide, bars.

Charts use the CSS classes of their page, so that its colours, print rules and a reader's contrast
settings apply. Each carries a text that says what it shows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, isfinite, log10

from training.evaluation.intervals import Interval

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 520, 74, 16, 12, 44
ROW, VALUES = 24, 64
MOST_STEPS = 5
"""Most steps of a scale within the values; the scale begins and ends with whole steps."""
WIDE, NARROW = 13.0, 6.9
"""Approximate width of a Chinese and of any other letter in the name of a row."""
Formatter = Callable[[float], str]
"""Writes a value for readers."""
Point = tuple[float, float]


@dataclass(frozen=True)
class Line:
    """One line of a chart.

    Attributes
    ----------
    name : str
        Name of the line.
    points : sequence of (float, float)
        Points, left to right.
    style : {"model", "peer", "guide"}
        CSS class of the page.
    band : sequence of (float, float)
        Low and high of each point, where it has an interval.
    dots : bool
        Whether points are marked.
    """

    name: str
    points: Sequence[Point]
    style: str = "model"
    band: Sequence[Interval] = ()
    dots: bool = False


@dataclass(frozen=True)
class Mark:
    """One row of a chart of intervals; a row whose value is not finite is left out."""

    name: str
    value: float
    low: float
    high: float
    style: str = "model"


def lines(
    drawn: Sequence[Line],
    across: str,
    up: str,
    alt: str,
    *,
    format_across: Formatter,
    format_up: Formatter,
    names: Sequence[str] = (),
    spot: Point | None = None,
    height: int = 320,
) -> str:
    """Draw lines in one frame.

    Parameters
    ----------
    drawn : sequence of Line
        The lines, the lowest layer first.
    across, up : str
        Titles of the axes.
    alt : str
        Text that says what the chart shows.
    format_across, format_up : Callable[[float], str]
        Write a value of the axis.
    names : sequence of str
        Names of the places 0, 1, ... if the horizontal axis has no numbers.
    spot : tuple of float, optional
        A point to mark.
    height : int
        Height in pixels.

    Returns
    -------
    str
        The SVG element.
    """
    xs = [x for line in drawn for x, _ in line.points]
    ys = [y for line in drawn for _, y in line.points]
    ys += [y for line in drawn for pair in line.band for y in pair if isfinite(y)]
    floor = height - BOTTOM
    across_ticks, up_ticks = _ticks(xs), _ticks(ys)
    left, right = (-0.3, len(names) - 0.7) if names else (across_ticks[0], across_ticks[-1])
    low, high = up_ticks[0], up_ticks[-1]

    def place(x: float, y: float) -> Point:
        wide = (x - left) / ((right - left) or 1) * (WIDTH - LEFT - RIGHT)
        return LEFT + wide, floor - (y - low) / ((high - low) or 1) * (floor - TOP)

    parts = []
    for value in up_ticks:
        _, y = place(left, value)
        parts.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
        parts.append(
            f'<text class="tick end" x="{LEFT - 6}" y="{y + 4:.1f}">{format_up(value)}</text>'
        )
    places = _named(names) if names else [(x, format_across(x)) for x in across_ticks]
    for value, text in places:
        x, _ = place(value, low)
        parts.append(f'<text class="tick mid" x="{x:.1f}" y="{floor + 16}">{escape(text)}</text>')
    parts.append(f'<path class="axis" d="M{LEFT} {floor}H{WIDTH - RIGHT}"/>')
    for line in drawn:
        spots = [place(x, y) for x, y in line.points]
        if line.band:
            pairs = list(zip(line.points, line.band, strict=True))
            edge = [place(x, pair[1]) for (x, _), pair in pairs]
            edge += [place(x, pair[0]) for (x, _), pair in reversed(pairs)]
            parts.append(f'<path class="band {line.style}" d="M{_path(edge)}Z"/>')
        parts.append(f'<path class="line {line.style}" d="M{_path(spots)}"/>')
        if line.dots:
            parts += [f'<circle class="{line.style}" cx="{x:.1f}" cy="{y:.1f}" r="3.2"/>'
                      for x, y in spots]  # fmt: skip
    if spot is not None:
        x, y = place(*spot)
        parts.append(f'<path class="spot" d="M{x:.1f} {TOP}V{floor}"/>')
        parts.append(f'<circle class="spot" cx="{x:.1f}" cy="{y:.1f}" r="6"/>')
    parts.append(_axis_names(across, up, height))
    return _svg(WIDTH, height, alt, parts)


def intervals(marks: Sequence[Mark], guide: float, alt: str, *, formatter: Formatter) -> str:
    """Draw one row per mark, its value and interval, and a guide to compare them with.

    Parameters
    ----------
    marks : sequence of Mark
        The rows, top first.
    guide : float
        Value of the guide.
    alt : str
        Text that says what the chart shows.
    formatter : Callable[[float], str]
        Writes a value.

    Returns
    -------
    str
        The SVG element; empty if no value is finite.
    """
    shown = [mark for mark in marks if isfinite(mark.value)]
    if not shown:
        return ""
    ticks = _ticks([guide, *(v for m in shown for v in (m.value, m.low, m.high) if isfinite(v))])
    low, high = ticks[0], ticks[-1]
    height, names = ROW * len(shown) + 30, _names_width([mark.name for mark in shown])

    def place(value: float) -> float:
        return names + (value - low) / ((high - low) or 1) * (WIDTH - names - RIGHT - VALUES)

    parts = [f'<path class="guide" d="M{place(guide):.1f} 4V{height - 24}"/>']
    for value in ticks:
        parts.append(f'<text class="tick mid" x="{place(value):.1f}" y="{height - 8}">'
                     f"{formatter(value)}</text>")  # fmt: skip
    for number, mark in enumerate(shown):
        y = 16 + ROW * number
        parts.append(f'<text class="name" x="0" y="{y + 4}">{escape(mark.name)}</text>')
        if isfinite(mark.low):
            parts.append(f'<path class="span {mark.style}" d="M{place(mark.low):.1f} {y}'
                         f'H{place(mark.high):.1f}"/>')  # fmt: skip
        parts.append(f'<circle class="{mark.style}" cx="{place(mark.value):.1f}" cy="{y}" r="4"/>')
        parts.append(
            f'<text class="value end" x="{WIDTH}" y="{y + 4}">{formatter(mark.value)}</text>'
        )
    return _svg(WIDTH, height, alt, parts)


def bars(rows: Sequence[tuple[str, float]], alt: str, *, formatter: Formatter) -> str:
    """Draw one bar per row; the longest fills the width.

    Parameters
    ----------
    rows : sequence of (str, float)
        Name and value, top first.
    alt : str
        Text that says what the chart shows.
    formatter : Callable[[float], str]
        Writes a value.

    Returns
    -------
    str
        The SVG element.
    """
    most = max((value for _, value in rows), default=0.0) or 1.0
    names = _names_width([name for name, _ in rows])
    parts = []
    for number, (name, value) in enumerate(rows):
        y = ROW * number
        wide = max(1.0, value / most * (WIDTH - names - VALUES))
        parts.append(f'<text class="name" x="0" y="{y + 16}">{escape(name)}</text>')
        parts.append(f'<rect class="model" x="{names:.0f}" y="{y + 4}" width="{wide:.1f}" '
                     'height="15" rx="2"/>')  # fmt: skip
        parts.append(f'<text class="value" x="{names + wide + 6:.1f}" y="{y + 16}">'
                     f"{formatter(value)}</text>")  # fmt: skip
    return _svg(WIDTH, ROW * len(rows) + 6, alt, parts)


def _names_width(names: Sequence[str]) -> float:
    """Return the width of the longest name and a margin, in pixels."""
    lengths = [sum(WIDE if letter > "\u2e80" else NARROW for letter in name) for name in names]
    return max(lengths, default=0.0) + 14


def _svg(width: int, height: int, alt: str, parts: Sequence[str]) -> str:
    text = escape(alt)
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{text}">'
        f"<title>{text}</title>{''.join(parts)}</svg>"
    )


def _axis_names(across: str, up: str, height: int) -> str:
    middle = (LEFT + WIDTH - RIGHT) / 2
    rise = (TOP + height - BOTTOM) / 2
    return (
        f'<text class="axis-name mid" x="{middle:.0f}" y="{height - 6}">{escape(across)}</text>'
        f'<text class="axis-name mid" x="12" y="{rise:.0f}" '
        f'transform="rotate(-90 12 {rise:.0f})">{escape(up)}</text>'
    )


def _path(points: Sequence[Point]) -> str:
    return "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _ticks(values: Sequence[float]) -> list[float]:
    """Return about five steps of 1, 2, 2.5 or 5 times a power of ten that enclose the values."""
    low, high = min(values), max(values)
    least = max(high - low, abs(high) * 1e-6, 1e-6) / MOST_STEPS
    power = 10.0 ** floor(log10(least))
    step = next(times * power for times in (1, 2, 2.5, 5, 10) if times * power >= least)
    # 0.3 / 0.1 is a little less than 3: the tolerance keeps an end that is a whole step.
    first, last = floor(low / step + 1e-9), ceil(high / step - 1e-9)
    return [number * step for number in range(first, max(last, first + 1) + 1)]


def _named(names: Sequence[str]) -> list[tuple[float, str]]:
    """Choose at most eight of the names, evenly spaced."""
    step = -(-len(names) // 8)
    return [(float(place), name) for place, name in enumerate(names) if place % step == 0]
