"""Draw a tag's distribution as a small SVG chart: the reference in grey, the snapshot in blue.

On the left, two bars show how many customers have no value, zero, or another value; on the right,
the distribution of the other values. The bins are those that the drift is computed from, drawn as
densities, so that the chart shows exactly what the index beside it measures.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

from features.quality.statistics import TagComparison, TagStatistics

STRIP, LEFT, WIDTH, HEIGHT = 56, 68, 260, 46
FLOOR = HEIGHT - 1
MOST_BARS = 12
# Above what the reference reaches; a value that moved into a narrow bin is cut off there.
HEADROOM = 1.5

Side = tuple[TagStatistics, str]


def draw_distribution(comparison: TagComparison) -> str:
    """Draw one tag as an SVG element that contains no text of the data.

    Parameters
    ----------
    comparison : TagComparison
        Statistics of both sides; the reference may be absent.
    """
    sides: list[Side] = [] if comparison.reference is None else [(comparison.reference, "before")]
    sides.append((comparison.now, "now"))
    drawn = [_strip(comparison, side, 8 + 20 * place) for place, side in enumerate(sides)]
    drawn.append(f'<path class="axis" d="M{LEFT} {FLOOR + 0.5}H{WIDTH}"/>')
    drawn.append(_densities(comparison, sides) if comparison.bins.edges else _bars(sides))
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
        f' role="img" aria-label="分布">{"".join(drawn)}</svg>'
    )


def _strip(comparison: TagComparison, side: Side, top: int) -> str:
    """Draw the shares of null, of zero (of a number) and of all other values, side by side."""
    statistics, name = side
    zero = 0
    if 0 in comparison.bins.edges:
        zero = statistics.counts[1 + comparison.bins.edges.index(0)]
    parts = (statistics.nulls, zero, statistics.rows - statistics.nulls - zero)
    drawn, left = "", 0.0
    for part, kind in zip(parts, ("null", "zero", "value"), strict=True):
        width = STRIP * part / statistics.rows
        if width:
            drawn += (
                f'<rect class="{name} {kind}" x="{left:.1f}" y="{top}" width="{width:.1f}"'
                ' height="12"/>'
            )
        left += width
    return drawn


def _bars(sides: Sequence[Side]) -> str:
    """Draw a bar for each category: wide and grey before, narrow and blue now."""
    heights = [[n / statistics.rows for n in statistics.counts[1:]] for statistics, _ in sides]
    # The last bin, all other values, is drawn only where it is not empty.
    count = len(heights[0]) if any(side[-1] for side in heights) else len(heights[0]) - 1
    count = min(count, MOST_BARS)
    most = max((max(side[:count], default=0) for side in heights), default=0)
    if not count or not most:
        return ""
    step = (WIDTH - LEFT) / max(count, 4)
    drawn = ""
    for side, (_, name) in zip(heights, sides, strict=True):
        wide = step * (0.8 if name == "before" else 0.4)
        for place, share in enumerate(side[:count]):
            height = share / most * (FLOOR - 2)
            left = LEFT + step * place + (step - wide) / 2
            drawn += (
                f'<rect class="{name} bar" x="{left:.1f}" y="{FLOOR - height:.1f}"'
                f' width="{wide:.1f}" height="{height:.1f}"/>'
            )
    return drawn


def _densities(comparison: TagComparison, sides: Sequence[Side]) -> str:
    """Draw the density of each bin but null and zero: the reference filled, now as a line."""
    bins = _spans(comparison, sides)
    if not bins:
        return ""
    first, last = bins[0][1], bins[-1][2]
    densities = [
        [statistics.counts[place] / statistics.rows / (high - low) for place, low, high in bins]
        for statistics, _ in sides
    ]
    most = max(densities[0]) * HEADROOM or max(densities[-1])
    if not most:
        return ""
    scale = (WIDTH - LEFT) / (last - first)
    drawn = ""
    for side, (_, name) in zip(densities, sides, strict=True):
        points = f"M{LEFT} {FLOOR}"
        for (_, _, high), density in zip(bins, side, strict=True):
            top = FLOOR - min(1.0, density / most) * (FLOOR - 2)
            points += f"V{top:.1f}H{LEFT + (high - first) * scale:.1f}"
        drawn += f'<path class="{name} line" d="{points}V{FLOOR}"/>'
    return drawn


def _spans(comparison: TagComparison, sides: Sequence[Side]) -> list[tuple[int, float, float]]:
    """List the bins as (place in the counts, from, to), without empty ones at both ends.

    The last bin is open: it is drawn to P99 of the reference. The first begins at the least value.
    """
    edges, quantiles = comparison.bins.edges, sides[0][0].quantiles
    room = max(edges[-1] - edges[0], 1) / len(edges) / 4
    high = max([edges[-1] + room, *quantiles[-1:]])
    spans = [
        (place, start, end)
        for place, (start, end) in enumerate(pairwise([-math.inf, *edges, high]), start=1)
        # The bin that ends at zero holds zero alone: the strip shows it.
        if end != 0
    ]
    filled = [any(statistics.counts[place] for statistics, _ in sides) for place, _, _ in spans]
    if not any(filled):
        return []
    shown = spans[filled.index(True) : len(filled) - filled[::-1].index(True)]
    place, start, end = shown[0]
    minima = (statistics.minimum for statistics, _ in sides)
    least = min(minimum for minimum in minima if minimum is not None)
    # Where many customers have the least value, it is also the first edge: give it some width.
    start = max(start, min(least, end) - room, end - 10 * (shown[-1][2] - end) - room)
    return [(place, start, end), *shown[1:]]
