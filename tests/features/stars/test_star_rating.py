"""The star of a customer: types of the rating, and its explanation with the arithmetic."""

from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from features.errors import GuanjiaError
from features.lake import Lake
from features.lake.spine import spine_of
from features.stars.explain import explain_rating
from features.stars.value import rate

DAY = pa.date32()
END = date(2025, 6, 30)


def cases(star: Any) -> list[Any]:
    """One, two and three years with us; how they are rated, test_star_tenure.py says too."""
    case, yearly = star.case, star.yearly
    return [
        case("first year", yearly("2025-01-01", "3000"), ("3000", "0", 1, "0", 1)),
        case("second year", yearly("2024-01-01", "3000", "3000"), ("6000", "0", 2, "6000", 2)),
        case("third year", yearly("2023-01-01", *["3000"] * 3), ("9000", "0", 3, "9900", 2)),
    ]


def test_columns_have_the_declared_types(star: Any, star_lake: Lake) -> None:
    spine = spine_of(star.spine(cases(star)[:1]))
    schema = rate(star_lake, spine).to_pyarrow().schema
    assert schema.field("chain_start").type == DAY
    assert schema.field("cover_end").type == DAY
    assert schema.field("tenure_years").type == pa.int64()
    assert schema.field("star_level").type == pa.int64()
    assert schema.field("value").type == pa.decimal128(23, 4)


def test_without_movements_nothing_is_claimed_to_be_known(star: Any, tmp_path: Path) -> None:
    two = cases(star)[:2]
    lake = star.write(tmp_path, two, movements=False)
    for row in star.rated(lake, two).values():
        assert (row["claims_5y"], row["value"], row["star_level"]) == (None, None, None)
    rating = explain_rating(lake, "second year", END)
    assert rating.star_level is None
    assert "Claims 赔款 b are unknown" in " ".join(rating.sentences)


def test_arithmetic_in_sentences(star_lake: Lake) -> None:
    rating = explain_rating(star_lake, "third year", END)
    assert rating.sentences == (
        "Premium 保费 a = 9,000.00 yuan: 3 private-car motor term(s) incepting after 2020-06-30 "
        "and by 2025-06-30.",
        "Claims 赔款 b = 0.00 yuan: 0 claim(s) occurring after 2020-06-30 and by 2025-06-30, "
        "settled 已决 0.00 yuan and outstanding 未决 0.00 yuan.",
        "Tenure 留存年限 = 1 + floor((731 + 30) / 365.25) = 3: the chain's first term incepted on "
        "2023-01-01, its latest on 2025-01-01.",
        "Coefficient 留存系数 c = 1.1.",
        "Value 客户价值 = (a - b) * c = (9,000.00 yuan - 0.00 yuan) * 1.1 = 9,900.00 yuan.",
        "Star 星级 2, silver 白银: the value is at least 5,000.00 yuan.",
    )
    # 100 / 1.1 = 90.909..., rounded up to the fen
    assert rating.missing == (
        "100.00 yuan of value to star 3, gold 黄金: 90.91 yuan more premium net of claims at "
        "coefficient 1.1."
    )
    assert rating.entitlements == {
        "steward": True,
        "online_claims": True,
        "A": 3,
        "B": 1,
        "C": 0,
    }
    plain = rating.as_dict()
    assert plain["value"] == "9900.0000"
    assert plain["terms"][0]["inception"] == "2023-01-01"


def test_an_unknown_customer_is_a_fault(star_lake: Lake) -> None:
    with pytest.raises(GuanjiaError, match=r"customer C-none: is not known as of 2025-06-30"):
        explain_rating(star_lake, "C-none", END)
