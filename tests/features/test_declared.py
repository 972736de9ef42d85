"""The one loader of settings: what a home's file may do to what is shipped, how faults are told."""

from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from features.declared import Declared, load_layered, merged, one_of, overlay, parse_fields
from features.errors import GuanjiaError, did_you_mean


class Limit(Declared):
    label: str
    most: int
    per: Literal["day", "week"] = "day"


class Limits(Declared):
    hours: float = 4.5
    limits: dict[Annotated[str, one_of(["phone", "sms", "mail"])], Limit] = Field(
        default_factory=dict
    )
    steps: tuple[Limit, ...] = ()
    span: tuple[int, int] = (0, 1)


SHIPPED = """
hours = 0.1
[limits.phone]
label = "电话"
most = 1
[limits.sms]
label = "短信"
most = 2
"""


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """What is shipped, and where the home's file would be."""
    shipped = tmp_path / "shipped.toml"
    shipped.write_text(SHIPPED, encoding="utf-8")
    return shipped, tmp_path / "limits.toml"


def load(files: tuple[Path, Path], text: str) -> Limits:
    shipped, own = files
    own.write_text(text, encoding="utf-8")
    return load_layered(Limits, own, shipped, manual="docs/limits.md")


def test_without_a_home_file_it_is_what_is_shipped(files: tuple[Path, Path]) -> None:
    shipped, own = files
    limits = load_layered(Limits, own, shipped, manual="docs/limits.md")
    assert (limits.hours, list(limits.limits), limits.limits["sms"].most) == (
        0.1,
        ["phone", "sms"],
        2,
    )
    assert load_layered(Limits, own, manual="docs/limits.md") == Limits()


def test_a_home_changes_fields_adds_tables_and_leaves_some_out(files: tuple[Path, Path]) -> None:
    text = (
        '[limits]\nsms = false\n[limits.phone]\nmost = 3\n[limits.mail]\nlabel = "信"\nmost = 9\n'
    )
    limits = load(files, text)
    assert {name: (limit.label, limit.most) for name, limit in limits.limits.items()} == {
        "phone": ("电话", 3),
        "mail": ("信", 9),
    }
    assert limits.hours == 0.1


@pytest.mark.parametrize(
    ("text", "thing", "fault", "cure"),
    [
        ("[limits.phone]\nmst = 3", "limits.phone.mst", "is not known", "did you mean most?"),
        ("[limits.mail]\nmost = 3", "limits.mail.label", "is missing",
         "write label = ..., as docs/limits.md says"),
        ("[limits.fone]\nlabel='x'\nmost=1", "limits.fone", "fone is not known",
         "did you mean phone?"),
        ("[limits]\nfone = false", "limits.fone", "is left out, but does not exist",
         "did you mean phone?"),
        ("[limits.sms]\nper = 'wek'", "limits.sms.per", "wek is not known", "did you mean week?"),
        ("[limits.sms]\nper = 'month'", "limits.sms.per", "month is not known",
         "use one of day, week"),
        ("[limits.sms]\nmost = 'x'", "limits.sms.most",
         "Input should be a valid integer, unable to parse string as an integer",
         "mend it as docs/limits.md says"),
        ("[limits]\nphone = 3", "limits.phone", "is no table of fields",
         "write a table, as docs/limits.md says"),
        ("[[steps]]\nlabel='x'\nmost=1\n[[steps]]\nlabel='y'", "steps number 2.most", "is missing",
         "write most = ..., as docs/limits.md says"),
        ("[[steps]]\nlabel='x'\nmost=1\nlable='y'", "steps number 1.lable", "is not known",
         "did you mean label?"),
        # Of a pair that is too short, no number is there to be shown.
        ("span = []", "span number 1", "Field required", "mend it as docs/limits.md says"),
        ("span = [3]", "span number 2", "Field required", "mend it as docs/limits.md says"),
        ("hours = nan", "hours", "Input should be a finite number",
         "mend it as docs/limits.md says"),
        # Misspelt and therefore missing: said once, as misspelt.
        ("[limits.mail]\nmost = 3\nlabell = 'x'", "limits.mail.labell", "is not known",
         "did you mean label?"),
    ],
)  # fmt: skip
def test_a_fault_names_file_field_fault_and_cure(
    files: tuple[Path, Path], text: str, thing: str, fault: str, cure: str
) -> None:
    with pytest.raises(GuanjiaError) as caught:
        load(files, text)
    error = caught.value
    assert (error.thing, error.fault, error.cure) == (f"{files[1]}, field {thing}", fault, cure)


def test_what_is_no_toml_is_told_with_its_line(files: tuple[Path, Path]) -> None:
    with pytest.raises(GuanjiaError, match=r"limits.toml: is not valid TOML: .*line 2.* Mend the"):
        load(files, "hours = 1\nlimits = ?")


TABLES = st.recursive(
    st.one_of(st.integers(0, 3), st.just("x")),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.dictionaries(st.sampled_from("abc"), TABLES, max_size=3)


def places(table: Any, above: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    """The values of a table that are no tables, and empty tables, by their place."""
    if not isinstance(table, dict) or not table:
        return {above: table}
    return {
        place: value
        for name, inner in table.items()
        for place, value in places(inner, (*above, name)).items()
    }


@given(under=FIELDS, over=FIELDS)
def test_what_a_home_says_stands_and_the_rest_is_as_shipped(
    under: dict[str, Any], over: dict[str, Any]
) -> None:
    result = overlay(under, over, "x.toml")
    assert result == merged(under, over)
    own, found = places(over), places(result)
    for place, value in own.items():
        if value != {}:
            assert found[place] == value
    for place, value in found.items():
        assert value == own[place] if place in own else places(under)[place] == value


@given(under=FIELDS, name=st.sampled_from("abc"))
def test_false_takes_away_a_table_and_nothing_else(under: dict[str, Any], name: str) -> None:
    if isinstance(under.get(name), dict):
        rest = {other: value for other, value in under.items() if other != name}
        assert overlay(under, {name: False}, "x.toml") == rest
    elif name in under or not under or not all(isinstance(v, dict) for v in under.values()):
        assert overlay(under, {name: False}, "x.toml") == {**under, name: False}
    else:
        with pytest.raises(
            GuanjiaError, match=f"x.toml, field {name}: is left out, but does not exist"
        ):
            overlay(under, {name: False}, "x.toml")


def test_names_known_late_are_asked_for_late() -> None:
    asked = []

    def zones() -> set[str]:
        asked.append(1)
        return {"Asia/Urumqi", "Asia/Shanghai"}

    class Zoned(Declared):
        zone: Annotated[str, one_of(zones)]

    assert not asked
    with pytest.raises(GuanjiaError, match=r"field zone: Asia/Urumchi is not known\. Did you mean"):
        parse_fields(Zoned, {"zone": "Asia/Urumchi"}, thing="x.toml", manual="docs/x.md")
    assert asked == [1]


@given(st.sets(st.text("abcdef", min_size=1, max_size=6), min_size=1, max_size=20))
def test_the_names_offered_are_known_and_a_known_one_is_offered_first(known: set[str]) -> None:
    for name in known:
        assert did_you_mean(name.upper(), known).startswith(f"did you mean {name}")
