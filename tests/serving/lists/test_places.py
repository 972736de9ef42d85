"""Places on a list: 1,000 random definitions, whose numbers add up to the rows."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from serving.decision.candidates import Value
from serving.lists.definitions.definition import ListDefinition
from serving.lists.gatekeeper import Checked
from serving.lists.places import Placed, place_customers
from serving.lists.rules import RULES
from serving.records.people.consents import Consents

CONSENTS = Consents(True, True, None, {})
BRANCHES = ("B1", "B2", None)
GATES = ("consent", "profiling", "opted_out", "caps", "open_claim", "campaign", "holdout", "erased")


def checked(rule: str | None) -> Checked:
    return Checked([], rule, rule == "holdout", CONSENTS)


def worth(total: float) -> Value:
    return Value(total, 1.0, 0.0, 0.0, 0.0, 0.0, "propensity", 0.1, 10 * total)


customers = st.lists(
    st.tuples(
        st.sampled_from(BRANCHES),
        st.one_of(st.none(), st.none(), st.sampled_from(GATES)),
        st.one_of(st.none(), st.integers(-5, 50)),
        st.booleans(),
    ),
    max_size=30,
)
definitions = st.builds(
    ListDefinition,
    name=st.just("any_list"),
    label=st.just("名单"),
    model=st.just("renewal"),
    order=st.sampled_from(["renewal asc", "expected_value desc"]),
    size=st.one_of(st.none(), st.integers(1, 20)),
    budget=st.one_of(st.none(), st.integers(0, 60).map(float)),
    capacity=st.dictionaries(st.sampled_from(["B1", "B2", "*"]), st.integers(0, 5), max_size=2),
    least_value=st.one_of(st.none(), st.integers(0, 10).map(float)),
)


def place(
    definition: ListDefinition, people: list[tuple[Any, ...]], cost: float = 3.5
) -> tuple[list[dict[str, Any]], Placed]:
    rows = [
        {"customer_id": f"C{number:02}", "branch": branch, "flags": [flagged]}
        for number, (branch, _, _, flagged) in enumerate(people)
    ]
    values = [None if total is None else worth(float(total)) for _, _, total, _ in people]
    found = [checked(rule) for _, rule, _, _ in people]
    return rows, place_customers(definition, rows, found, values, cost)


@settings(max_examples=1000, deadline=None)
@given(definitions, customers)
def test_the_numbers_add_up(definition: ListDefinition, people: list[tuple[Any, ...]]) -> None:
    rows, placed = place(definition, people)
    left_out = [customer for ids in placed.left_out.values() for customer in ids]
    sent = [one.customer_id for one in placed.sent]
    # Each is taken by one rule or sent, and nobody twice.
    assert sorted([*left_out, *sent]) == [row["customer_id"] for row in rows]
    assert {*placed.left_out} <= {*RULES}
    assert {one.customer_id for one in placed.held_out} <= {*placed.left_out.get("holdout", ())}
    # No bound is broken.
    assert definition.size is None or len(sent) <= definition.size
    assert definition.budget is None or 3.5 * len(sent) <= definition.budget
    for branch in BRANCHES:
        most = definition.capacity.get(branch or "", definition.capacity.get("*"))
        assert most is None or sum(one.row["branch"] == branch for one in placed.sent) <= most
    ranks = [one.rank for one in sorted([*placed.sent, *placed.held_out], key=lambda o: o.rank)]
    assert len({*ranks}) == len(ranks)
    if definition.order == "expected_value desc":
        totals = [one.expected_value for one in placed.sent if one.expected_value is not None]
        assert totals == sorted(totals, reverse=True)
    low = definition.least_value
    assert low is None or all((one.expected_value or 0) >= low for one in placed.sent)


def test_a_bound_takes_only_who_has_no_room() -> None:
    people = [("B1", None, 9, False), ("B1", None, 8, False), ("B2", None, 7, False)]
    definition = ListDefinition(
        name="small", label="小名单", model="renewal", capacity={"B1": 1}, size=5, budget=10.5
    )
    _, placed = place(definition, people)
    assert [one.customer_id for one in placed.sent] == ["C00", "C02"]
    assert placed.left_out == {"capacity": ["C01"]}


def test_the_holdout_is_frozen_as_far_as_the_list_goes_and_takes_no_room() -> None:
    people = [
        ("B1", "holdout", 9, False),
        ("B1", None, 8, False),
        ("B1", None, 7, False),
        ("B1", "holdout", 6, False),
    ]
    definition = ListDefinition(name="small", label="小名单", model="renewal", size=1)
    _, placed = place(definition, people)
    assert [one.customer_id for one in placed.sent] == ["C01"]
    assert [one.customer_id for one in placed.held_out] == ["C00"]
    assert placed.left_out == {"holdout": ["C00", "C03"], "size": ["C02"]}


def test_a_branch_gets_to_its_customers_day_by_day() -> None:
    people = [("B1", None, 9, False)] * 5
    definition = ListDefinition(
        name="small", label="小名单", model="renewal", capacity={"*": 2}, days=2
    )
    _, placed = place(definition, people)
    assert [one.day for one in placed.sent] == [1, 1, 2, 2]
    assert placed.left_out == {"capacity": ["C04"]}
