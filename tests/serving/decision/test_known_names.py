"""A word that is not known is refused with similar ones: it is not one that says nothing."""

from typing import Any

import pytest

from features.events.event_types import EVENTS
from serving.decision.schemas import DecideContext, UnknownWordError, check_context
from serving.touchpoints.catalogue import shipped_touchpoints

VARIABLES = shipped_touchpoints().shared.variables


@pytest.mark.parametrize(
    ("context", "fault"),
    [
        ({"channel": "fax"}, "context.channel fax: is not known. Use one of sms, wechat, wecom, "),
        ({"channel": "wecon"}, "context.channel wecon: is not known. Did you mean wecom"),
        ({"stage": "foo"}, "context.stage foo: is not known. Use one of entry, stickiness, trust"),
        ({"stage": "entri"}, "context.stage entri: is not known. Did you mean entry"),
        (
            {"happened": ["quote_viewed", "quote_veiwed"]},
            "context.happened quote_veiwed: is not known. Did you mean quote_viewed",
        ),
        (
            {"values": {"manager": "王芳", "custmer": "张先生"}},
            "context.values custmer: is not known. Did you mean customer",
        ),
    ],
)
def test_a_word_that_is_not_known_is_refused_with_the_nearest(
    context: dict[str, Any], fault: str
) -> None:
    with pytest.raises(UnknownWordError) as refused:
        check_context(DecideContext(**context), VARIABLES)
    assert str(refused.value).startswith(fault)


def test_every_word_that_is_known_passes() -> None:
    check_context(DecideContext(), VARIABLES)
    check_context(
        DecideContext(
            channel="wecom",
            stage="trust",
            campaign="whatever they call it",
            happened=[*list(EVENTS)[:19], "weather"],
            values=dict.fromkeys(VARIABLES, "1"),
        ),
        VARIABLES,
    )
