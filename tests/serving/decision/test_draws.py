"""What may not be said: the next best, or another draw whose probability is the true one."""

from collections import Counter
from datetime import date
from pathlib import Path

from serving.decision.candidates import Candidate
from serving.decision.core import Facts, settle, settle_worded
from serving.decision.gates import Gate, Permission
from serving.decision.worth.policy import load_policy
from serving.lots import draw_lot

SHIPPED = load_policy(Path("a home without a policy of its own"))
TAGS = {
    "renewal_quote_premium": 3000.0,
    "commercial_premium_current": 2800.0,
    "wecom_added": True,
}
CHANNELS = ("sms", "wechat", "wecom", "phone", "mail")
CANDIDATES = [
    Candidate("renewal_30d", "到期前30天", "renewal", "marketing", channel, cost, "renewal")
    for channel, cost in zip(CHANNELS, (0.05, 0.02, 0.2, 3.5, 2.0), strict=True)
]
CUSTOMERS = 2_000
DAYS = [date(2026, 6, day) for day in range(1, 7)]


def facts(number: int, share: float, day: date = DAYS[0], candidates: int = 5) -> Facts:
    policy = SHIPPED.model_copy(update={"exploration_share": share, "holdout_share": 0.0})
    return Facts(
        customer_id=f"C{number}",
        decision_point="app_open",
        day=day,
        tags=TAGS,
        predictions={"renewal": 0.6},
        effects={},
        margin=100.0,
        permission=Permission(dict.fromkeys(CHANNELS, True), True),
        candidates=CANDIDATES[:candidates],
        blocks=[None] * candidates,
        recent_contacts=0,
        capacity_prices={},
        policy=policy,
        lot=day.isoformat(),
    )


def blocked(number: int, channel: str) -> bool:
    """Whether what this customer would be told by a channel may not be said: three of four."""
    return draw_lot("test", str(number), channel) < 0.75


def read(number: int, seen: list[str], candidate: Candidate) -> tuple[str, Gate | None]:
    seen.append(candidate.channel)
    gate = Gate("content", False, "不可发送", "may not be sent")
    return candidate.channel, gate if blocked(number, candidate.channel) else None


def test_sums_of_the_inverse_probability_are_the_numbers_of_those_who_might() -> None:
    """The sum of 1/p over who drew an action: for how many it could be drawn, but for chance."""
    sums, squares, possible = Counter[str](), Counter[str](), Counter[str]()
    for number in range(CUSTOMERS):
        given = facts(number, share=1.0)
        found, result, text = settle_worded(given, lambda one, n=number: read(n, [], one))
        drawn = text or "silence"
        assert drawn == (result.chosen.candidate.channel if result.chosen else "silence")
        sums[drawn] += 1 / result.probability
        squares[drawn] += (1 - result.probability) / result.probability**2
        possible["silence"] += 1
        possible.update(channel for channel in CHANNELS if not blocked(number, channel))
        # Made again from the record it is the same, with the same probability.
        assert settle(found) == result
    assert set(sums) == set(possible) == {"silence", *CHANNELS}
    for action, count in possible.items():
        assert abs(sums[action] - count) < 4 * squares[action] ** 0.5, action
    # Drawn anew after a finding, silence alone would come out at about twice its number.
    assert max(squares.values()) ** 0.5 < 0.04 * CUSTOMERS


def test_a_draw_does_not_depend_on_what_was_drawn_before() -> None:
    """Day after day: who drew silence once draws contacts as often as anybody else."""
    sums, possible = Counter[str](), Counter[str]()
    for number in range(1_000):
        contacted = False
        for day in DAYS:
            # Once contacted there is nothing left to do, as the caps have it.
            given = facts(number, share=1.0, day=day, candidates=0 if contacted else 1)
            result = settle(given)
            possible["sms"] += not contacted
            if result.chosen is not None:
                sums["sms"] += 1 / result.probability
                contacted = True
    assert abs(sums["sms"] - possible["sms"]) < 4 * (2 * possible["sms"]) ** 0.5


def test_the_best_alone_is_read_where_no_lot_decides() -> None:
    for number in range(200):
        seen: list[str] = []
        found, result, text = settle_worded(
            facts(number, share=0.0), lambda one, n=number, s=seen: read(n, s, one)
        )
        ranked = [one.candidate.channel for one in settle(facts(number, share=0.0)).candidates]
        worth = {one.candidate.channel: one.value for one in result.candidates}
        open_ = [channel for channel in ranked if not blocked(number, channel)]
        expected = next((one for one in open_ if (worth[one].total if worth[one] else 0) > 0), None)
        assert text == expected
        assert seen == ranked[: len(seen)]
        assert [gate is not None for gate in found.blocks] == [
            channel in seen and blocked(number, channel) for channel in CHANNELS
        ]
        assert result.probability == 1.0
