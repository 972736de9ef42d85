"""Scripts: names alone are filled in, values are never read again, both languages say the same."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from serving.touchpoints.scripts import (
    LANGUAGES,
    BilingualText,
    ScriptTemplate,
    Variable,
    fill,
    variable_values,
)


def variable(**fields: Any) -> Variable:
    return Variable(label="称呼", fallback=BilingualText(chinese="您", english="you"), **fields)


VARIABLES = {
    "customer": variable(),
    "days": variable(tag="days_to_unrenewed_expiry", form="number"),
    "price": variable(tag="renewal_quote_premium", form="yuan"),
    "until": variable(form="date"),
}
GREETING = ScriptTemplate(chinese="{customer}您好", english="Dear {customer}")


def script(text: str) -> ScriptTemplate:
    return ScriptTemplate(chinese=text, english=text)


def test_values_are_filled_in_and_what_is_missing_is_told() -> None:
    asked = script("{customer} {days} {price} {until}")
    values = {"customer": "张先生", "days": 30, "price": Decimal("2779.5")}
    filled = fill(asked, {**values, "until": date(2026, 7, 1)}, VARIABLES)
    assert filled.text == "张先生 30 2,779.50元 2026年7月1日"
    assert filled.missing == []
    english = fill(asked, {**values, "until": date(2026, 7, 1)}, VARIABLES, "english")
    assert english.text == "张先生 30 2,779.50 yuan 1 July 2026"
    assert fill(asked, values, VARIABLES).missing == ["until"]
    assert fill(GREETING, {"customer": None}, VARIABLES).text == "您您好"


@given(st.text())
def test_a_value_is_never_read_again(name: str) -> None:
    for language in LANGUAGES:
        said = fill(GREETING, {"customer": name, "price": 1}, VARIABLES, language).text
        before, after = getattr(GREETING, language).split("{customer}")
        assert said == before + " ".join(name.split()) + after


def test_a_value_with_braces_stays_as_it_is() -> None:
    assert fill(GREETING, {"customer": "{price}\n{0}"}, VARIABLES).text == "{price} {0}您好"


@pytest.mark.parametrize(
    "text",
    ["{a.name}", "{a!r}", "{price:>10}", "{0}", "{}", "{{x}}", "{customer", "}", "{Price}"],
)
def test_a_script_has_names_alone_between_braces(text: str) -> None:
    with pytest.raises(ValidationError, match=r"may use \{name\} alone between braces"):
        script(text)


def test_both_languages_use_the_same_names() -> None:
    with pytest.raises(ValidationError, match="uses price in one language only"):
        ScriptTemplate(chinese="{customer}{price}", english="{customer}")


def test_values_come_from_the_moment_before_tags() -> None:
    tags = {"days_to_unrenewed_expiry": 31, "renewal_quote_premium": 2500.0}
    assert variable_values(VARIABLES, tags, {"customer": "张先生"}) == {
        "customer": "张先生",
        "days": 31,
        "price": 2500.0,
    }
    assert variable_values(VARIABLES, tags, {"price": 2400})["price"] == 2400
    assert variable_values(VARIABLES, {"days_to_unrenewed_expiry": None}, {}) == {}
