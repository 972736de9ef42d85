"""Which columns a value depends on, read from small expressions written out here."""

import ibis
import ibis.expr.types as ir
import pytest

from features.tags.reads import ExpressionReads

CLAIMS = ibis.table(
    {"claim": "string", "customer": "string", "kind": "string", "paid": "int64", "day": "date"},
    name="claims",
)
TERMS = ibis.table(
    {
        "policy": "string",
        "customer": "string",
        "line": "string",
        "recorded_at": "timestamp",
        "superseded_at": "timestamp",
    },
    name="terms",
)
KNOWN = TERMS.filter(TERMS.superseded_at.isnull())


def columns(value: ir.Value) -> set[str]:
    """The columns of a value, as `table.column`."""
    reads = ExpressionReads({"terms": "policy"}, frozenset({"as_of"}))
    return {f"{table}.{column}" for table, column in reads.of_value(value.op())}


def test_a_count_depends_on_what_its_rows_are_filtered_by() -> None:
    rows = CLAIMS.filter(CLAIMS.kind == "theft")
    assert columns(rows.count()) == {"claims.kind"}
    assert columns(rows.paid.sum()) == {"claims.kind", "claims.paid"}


def test_a_count_of_groups_depends_on_what_is_grouped_by() -> None:
    groups = CLAIMS.group_by("kind").aggregate(paid=CLAIMS.paid.sum())
    assert columns(groups.count()) == {"claims.kind"}
    assert columns(groups.paid.max()) == {"claims.kind", "claims.paid"}


def test_a_count_of_distinct_rows_depends_on_all_their_columns() -> None:
    assert columns(CLAIMS.select("kind", "day").distinct().count()) == {"claims.kind", "claims.day"}


def test_a_column_that_is_only_carried_along_decides_nothing() -> None:
    rows = CLAIMS.mutate(share=CLAIMS.paid / 100)
    assert columns(rows.count()) == set()


def test_a_left_join_that_finds_one_row_at_most_repeats_none() -> None:
    joined = CLAIMS.left_join(KNOWN, CLAIMS.claim == KNOWN.policy)
    assert columns(joined.count()) == set()
    found = {"claims.claim", "terms.policy", "terms.line", "terms.superseded_at"}
    assert columns(joined.line.nunique()) == found


@pytest.mark.parametrize("by", ["customer", "line"])
def test_a_left_join_that_may_find_several_rows_repeats_them(by: str) -> None:
    joined = CLAIMS.left_join(KNOWN, CLAIMS.claim == KNOWN[by])
    assert columns(joined.count()) == {"claims.claim", f"terms.{by}", "terms.superseded_at"}


def test_a_left_join_with_sums_finds_one_row() -> None:
    sums = CLAIMS.group_by("customer").aggregate(paid=CLAIMS.paid.sum())
    joined = KNOWN.left_join(sums, KNOWN.customer == sums.customer)
    assert columns(joined.count()) == {"terms.superseded_at"}
    renamed = sums.select(who=sums.customer, paid=sums.paid)
    assert columns(KNOWN.left_join(renamed, KNOWN.customer == renamed.who).count()) == {
        "terms.superseded_at"
    }


def test_an_inner_and_a_semi_join_take_rows_away() -> None:
    both = {"claims.claim", "terms.policy", "terms.superseded_at"}
    assert columns(CLAIMS.inner_join(KNOWN, CLAIMS.claim == KNOWN.policy).count()) == both
    assert columns(CLAIMS.semi_join(KNOWN, CLAIMS.claim == KNOWN.policy).count()) == both


def test_a_window_depends_on_what_it_is_ordered_and_parted_by() -> None:
    window = ibis.window(group_by="customer", order_by="day")
    rows = CLAIMS.mutate(before=CLAIMS.paid.lag().over(window))
    assert columns(rows.before.max()) == {"claims.paid", "claims.customer", "claims.day"}
    assert columns(rows.count()) == set()


def test_a_field_of_a_struct_does_not_depend_on_the_others() -> None:
    window = ibis.window(group_by="customer", order_by="day")
    first = ibis.struct({"paid": CLAIMS.paid, "kind": CLAIMS.kind}).first().over(window)
    rows = CLAIMS.mutate(first=first)
    rows = rows.mutate(first_paid=rows.first["paid"])
    assert columns(rows.first_paid.max()) == {"claims.paid", "claims.customer", "claims.day"}


def test_both_sides_of_a_union_count() -> None:
    other = TERMS.select(claim=TERMS.policy, customer=TERMS.customer)
    both = CLAIMS.select("claim", "customer").union(other)
    assert columns(both.claim.nunique()) == {"claims.claim", "terms.policy"}
