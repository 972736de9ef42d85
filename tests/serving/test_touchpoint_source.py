"""An event brings its touchpoint to a decision at once; the window is for whom the event missed."""

from datetime import date

import pytest

from features.lake import Lake
from serving.decision.touchpoint_source import TouchpointSource

DAY = date(2026, 7, 1)


@pytest.mark.parametrize(
    ("days", "happened", "there"),
    [
        (0, ["claim_reported"], True),
        (0, [], False),
        (0, ["quote_viewed"], False),
        (1, [], True),
        (9, [], False),
    ],
)
def test_after_the_event_or_in_the_window(
    lake: Lake, days: int, happened: list[str], there: bool
) -> None:
    source = TouchpointSource(lake)
    tags = dict.fromkeys(source.tags) | {"open_claims": 1, "days_since_last_claim_reported": days}
    found = source.candidates("call_in", tags, None, DAY, happened)
    assert ("accident_care" in {one.touchpoint for one in found}) == there
    # What happened does not make a condition hold.
    closed = source.candidates("call_in", tags | {"open_claims": 0}, None, DAY, happened)
    assert "accident_care" not in {one.touchpoint for one in closed}
