"""An event brings its touchpoint to a decision at once; the window is for whom the event missed."""

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from features.lake import Lake
from serving.decision.touchpoint_source import TouchpointSource
from serving.touchpoints.due import Customer

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

    def touchpoints(**tags: Any) -> set[str]:
        customer = Customer(dict.fromkeys(source.tags) | tags, DAY, ZoneInfo("Asia/Shanghai"))
        found = source.candidates("call_in", customer, None, lambda _: DAY, happened)
        return {one.touchpoint for one in found.candidates}

    reported = {"days_since_last_claim_reported": days}
    assert ("accident_care" in touchpoints(open_claims=1, **reported)) == there
    # What happened does not make a condition hold.
    assert "accident_care" not in touchpoints(open_claims=0, **reported)
