"""Where customers of a list stood a moment ago explains its numbers, and hides no change since."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.errors import UnknownNameError
from features.lake import Lake
from serving.lists.definitions.definition import parse_definition
from serving.lists.listing import Viewer
from serving.lists.places import Place
from serving.lists.selection import Selection
from serving.lists.service import ListService
from serving.lists.standing import check_rule, standing_of
from serving.predictions.unknown_customers import UnknownCustomerError
from serving.records.database import Records
from serving.records.people.consents import ConsentChange, Consents, write_consent

NOW = datetime(2026, 7, 1, 2, tzinfo=UTC)
LI = Viewer("li")
OWN = parse_definition({"name": "own_list", "label": "自有名单", "model": "churn", "size": 40})
RULES = ("consent", "holdout", "size")
CHECKED: Any = Consents(True, True, None, {})


@pytest.fixture
def lists(copy: Callable[..., Lake]) -> Iterator[ListService]:
    lake = copy("scores", "checked")
    records = Records(lake.settings)
    records.migrate()
    yield ListService(lake, records)
    records.close()


def selection(rules: dict[str, str]) -> Selection:
    """A selection of customers: of each "sent" or the rule that took them."""
    left_out: dict[str, list[str]] = {}
    sent, ranks = [], {}
    for customer, rule in rules.items():
        if rule != "consent":
            ranks[customer] = len(ranks) + 1
        if rule == "sent":
            row = {"customer_id": customer}
            sent.append(Place(row, ranks[customer], None, 1, False, CHECKED))
        else:
            left_out.setdefault(rule, []).append(customer)
    return Selection(
        OWN, date(2026, 6, 30), NOW, "s", "m", 3.5, len(rules), left_out, sent, [], "checked", ranks
    )


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.text(min_size=1, max_size=6), st.sampled_from(["sent", *RULES])))
def test_it_says_of_everybody_what_the_selection_says(rules: dict[str, str]) -> None:
    chosen = selection(rules)
    standing = standing_of(chosen)
    for number, place in enumerate(chosen.sent, 1):
        assert standing.place_of(place.customer_id) == number
    for customer, rule in rules.items():
        assert standing.rule_of(customer) == rule
        assert standing.rank_of(customer) == chosen.ranks.get(customer)
    for rule in ("sent", *RULES):
        assert standing.customers(rule) == [name for name, other in rules.items() if other == rule]
    assert standing.sent == len(chosen.sent)
    assert standing.rule_of("nobody at all") is standing.place_of("nobody at all") is None


def test_a_number_that_no_waterfall_has_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean sent"):
        check_rule("snt")


@pytest.mark.slow
def test_a_word_of_the_customer_counts_at_once(lists: ListService) -> None:
    preview, before = lists.preview_and_standing(OWN, LI, NOW)
    counted = {step.rule: step.customers for step in preview.waterfall[1:]}
    assert {rule: len(before.customers(rule)) for rule in counted} == counted
    customer = before.customers("sent")[3]
    assert lists.why(OWN, customer, LI, NOW, standing=before).place == 4
    say(lists, customer, granted=False)
    # What was counted is still who was counted; what is told of the customer is so now.
    assert customer in before.customers("sent")
    why = lists.why(OWN, customer, LI, NOW, standing=before)
    assert (why.sent, why.rule, why.place, why.rank) == (False, "opted_out", None, None)
    lists.define(OWN, LI, "", NOW)
    members = [member.customer_id for member in lists.members(lists.release(OWN.name, LI, NOW), LI)]
    assert customer not in members
    # And the other way round: who stood held back and is not any more gets a place of now.
    _, refused = lists.preview_and_standing(OWN, LI, NOW)
    assert refused.rule_of(customer) == "opted_out"
    say(lists, customer, granted=True, minutes=1)
    later = NOW.replace(minute=2)
    why = lists.why(OWN, customer, LI, later, standing=refused)
    assert (why.sent, why.place, why.at) == (True, 4, later)


@pytest.mark.slow
def test_why_with_and_without_a_standing_of_now_is_the_same(lists: ListService) -> None:
    _, standing = lists.preview_and_standing(OWN, LI, NOW)
    for rule in standing.members:
        for customer in standing.customers(rule)[:2]:
            assert lists.why(OWN, customer, LI, NOW, standing=standing) == lists.why(
                OWN, customer, LI, NOW
            )
    with pytest.raises(UnknownCustomerError):
        lists.why(OWN, "C99999999", LI, NOW, standing=standing)


def say(lists: ListService, customer: str, *, granted: bool, minutes: int = 0) -> None:
    at = NOW.replace(minute=minutes)
    with lists.records.writing() as connection:
        write_consent(connection, ConsentChange(customer, "marketing", granted, at, "phone"), at)
