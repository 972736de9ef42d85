"""The catalogue of tags as a whole, and tags whose table is empty or absent."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from features.tags.catalogue import catalogue, groups
from features.tags.document import render

Row = dict[str, Any]
Answer = Callable[..., Row]
Expect = Callable[..., None]


def test_a_table_without_rows_counts_zero(answer: Answer, expect: Expect) -> None:
    expect(answer("engagement", interactions=[]), contact_count_365d=0, opted_out=False)


def test_absent_optional_tables_leave_their_tags_null(answer: Answer, terms: list[Row]) -> None:
    optional = {"quotes", "renewal_quotes", "interactions", "entitlements", "services", "cases",
                "consents", "claim_amounts", "insured_vehicle", "renewal_offers", "trips",
                "vehicles_in_force"}  # fmt: skip
    absent = [tag for tag in catalogue().values() if tag.relation in optional]
    assert {tag.relation for tag in absent} == optional
    found = {group: answer(group, policies=terms) for group in {tag.group for tag in absent}}
    assert [tag.name for tag in absent if found[tag.group][tag.name] is not None] == []


def test_there_are_300_tags_and_each_says_what_it_is() -> None:
    assert len(catalogue()) >= 300
    for tag in catalogue().values():
        assert re.fullmatch(r"[a-z][a-z0-9_]*", tag.name)
        assert re.search(r"[\u4e00-\u9fff]", tag.label), tag.name
        assert all((tag.definition, tag.unit, tag.window, tag.null)), tag.name
        assert "{" not in tag.definition
        assert tag.empty in (None, 0)
    labels = [tag.label for tag in catalogue().values()]
    assert len(labels) == len(set(labels))
    assert list(groups()) == [
        "underwriting",
        "claims",
        "behaviour",
        "engagement",
        "entitlements",
        "loyalty",
        "telematics",
        "vehicle_care",
    ]


def test_documentation_is_current() -> None:
    page = Path(__file__).parents[2] / "docs" / "tags.md"
    assert page.read_text(encoding="utf-8") == render(), "run `make docs`"
