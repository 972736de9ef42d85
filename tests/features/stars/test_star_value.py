"""The star rule: the window, claims, premium and thresholds, worked out by hand."""

from decimal import Decimal
from typing import Any

from features.lake import Lake


def cases(star: Any) -> list[Any]:
    """The customers, each with the rating worked out by hand."""
    case, term, claim, yearly = star.case, star.term, star.claim, star.yearly

    def pair(total: str, claimed: str = "0") -> dict[str, Any]:
        """Two years' terms with this premium in all: tenure 2, coefficient 1."""
        rest = str(Decimal(total) - 1000)
        claims = [claim("2024-03-01T04:00", [("2024-03-02T04:00", claimed, "0")])]
        return {"terms": yearly("2024-01-01", "1000", rest), "claims": claims}

    six = yearly("2019-12-01", "1000", "1000", "1000", "1000", "1000", "1000")
    # The first inception lies before the window, 5 * 1,000 = 5,000 count; 1,827 days: tenure 6.
    refund = term("2024-01-01", "3000", later=[{"recorded": "2025-03-01", "premium": "2500"}])
    reopened = claim(
        "2024-05-01T04:00",
        [
            ("2024-05-02T04:00", "0", "2000"),  # reported: outstanding 2,000
            ("2024-08-01T04:00", "1500", "-2000"),  # closed: paid 1,500
            ("2025-02-01T04:00", "0", "800"),  # reopened: 800 outstanding again
        ],
    )
    return [
        # --- the window, (D - 5 years, D]
        # 29 Feb 2024 - 5 years clips to 28 Feb 2019, which is out: 5 of 6 count; 1,826 + 30: 6
        case(
            "rated on a leap day, edge out",
            yearly("2019-02-28", *["1000"] * 6),
            ("5000", "0", 6, "6500", 2),
            as_of="2024-02-29",
        ),
        # 1 March 2019 is in: 5 of 5; 1,461 + 30 = 1,491: 5
        case(
            "rated on a leap day, edge in",
            yearly("2019-03-01", *["1000"] * 5),
            ("5000", "0", 5, "6500", 2),
            as_of="2024-02-29",
        ),
        # 30 June 2020 is out, 30 June 2025 is in: 5 of 6; 1,826 + 30 = 1,856 / 365.25 = 5.08: 6
        case(
            "premium on both edges",
            yearly("2020-06-30", *["1000"] * 6),
            ("5000", "0", 6, "6500", 2),
        ),
        # 1 July 2020 is in on 30 June 2025: 5,000 * 1.3; 1,461 + 30: 5
        case(
            "premium a day after the edge",
            yearly("2020-07-01", *["1000"] * 5),
            ("5000", "0", 5, "6500", 2),
        ),
        # and out a day later: 4,000 * 1.3
        case(
            "the same a day later",
            yearly("2020-07-01", *["1000"] * 5),
            ("4000", "0", 5, "5200", 2),
            as_of="2025-07-01",
        ),
        # the last microsecond of 30 June 2020 in Shanghai is out: 5,000 * 1.3
        case(
            "claim on the lower edge, out",
            six,
            ("5000", "0", 6, "6500", 2),
            [claim("2020-06-30T15:59:59.999999", [("2020-07-02T00:00", "400", "0")])],
        ),
        # the first instant of 1 July is in: (5,000 - 400) * 1.3
        case(
            "claim on the lower edge, in",
            six,
            ("5000", "400", 6, "5980", 2),
            [claim("2020-06-30T16:00", [("2020-07-02T00:00", "400", "0")])],
        ),
        case(
            "claim on the upper edge, in",
            six,
            ("5000", "400", 6, "5980", 2),
            [claim("2025-06-30T15:59:59.999999", [("2025-06-30T15:59:59.999999", "0", "400")], 5)],
        ),
        case(
            "claim on the upper edge, out",
            six,
            ("5000", "0", 6, "6500", 2),
            [claim("2025-06-30T16:00", [("2025-06-30T16:00", "0", "400")], 5)],
        ),
        # the claim is in the window though its term's premium is not: (5,000 - 400) * 1.3
        case(
            "claim of a term before the window",
            six,
            ("5000", "400", 6, "5980", 2),
            [claim("2020-11-01T04:00", [("2020-11-02T04:00", "400", "0")])],
        ),
        # --- claims
        # (6,000 - 10,000) * 1
        case("negative value", expected=("6000", "10000", 2, "-4000", 1), **pair("6000", "10000")),
        # (9,000 - 10,000.01) * 1.1 = -1,100.011
        case(
            "negative value, exactly",
            yearly("2023-01-01", *["3000"] * 3),
            ("9000", "10000.01", 3, "-1100.011", 1),
            [claim("2024-03-01T04:00", [("2024-03-02T04:00", "10000.01", "0")], 1)],
        ),
        # 0 * (3,000 - 8,000) is 0
        case(
            "first year with claims above premium",
            yearly("2025-01-01", "3000"),
            ("3000", "8000", 1, "0", 1),
            [claim("2025-03-01T04:00", [("2025-03-02T04:00", "8000", "0")])],
        ),
        # 1,500 paid + 800 outstanding: (6,000 - 2,300) * 1
        case(
            "reopened claim",
            yearly("2024-01-01", "3000", "3000"),
            ("6000", "2300", 2, "3700", 1),
            [reopened],
        ),
        # before it was reopened: 1,500
        case(
            "the same before it was reopened",
            yearly("2024-01-01", "3000", "3000"),
            ("6000", "1500", 2, "4500", 1),
            [reopened],
            as_of="2025-01-31",
        ),
        # still outstanding: 2,000; first year
        case(
            "the same while outstanding",
            yearly("2023-06-01", "3000", "3000"),
            ("6000", "2000", 2, "4000", 1),
            [claim(reopened.occurred, reopened.moves)],
            as_of="2024-06-30",
        ),
        # recorded in the first instant after D: not known; a microsecond earlier: known
        case(
            "movement recorded after the date",
            yearly("2024-01-01", "3000", "3000"),
            ("6000", "100", 2, "5900", 2),
            [
                claim(
                    "2025-06-01T04:00",
                    [("2025-06-02T04:00", "0", "100"), ("2025-06-30T16:00", "0", "5000")],
                    1,
                )
            ],
        ),
        case(
            "movement recorded by the date",
            yearly("2024-01-01", "3000", "3000"),
            ("6000", "5100", 2, "900", 1),
            [
                claim(
                    "2025-06-01T04:00",
                    [("2025-06-02T04:00", "0", "100"), ("2025-06-30T15:59:59.999999", "0", "5000")],
                    1,
                )
            ],
        ),
        # two claims on two terms: 1,000 + 250.50
        case(
            "two claims",
            yearly("2024-01-01", "3000", "3000"),
            ("6000", "1250.50", 2, "4749.50", 1),
            [
                claim("2024-03-01T04:00", [("2024-03-02T04:00", "1000", "0")]),
                claim("2025-03-01T04:00", [("2025-03-02T04:00", "200", "50.50")], 1),
            ],
        ),
        # --- premium
        # 3,000 became 2,500 on 1 March 2025: 5,500 after, 6,000 before
        case("premium refund", [refund, term("2025-01-01", "3000")], ("5500", "0", 2, "5500", 2)),
        case(
            "the same before the refund",
            [refund, term("2025-01-01", "3000")],
            ("6000", "0", 2, "6000", 2),
            as_of="2025-02-28",
        ),
        # --- thresholds at coefficient 1, inclusive
        case("value 0.00", expected=("6000", "6000", 2, "0", 1), **pair("6000", "6000")),
        case("value -0.01", expected=("6000", "6000.01", 2, "-0.01", 1), **pair("6000", "6000.01")),
        case("value 4,999.99", expected=("4999.99", "0", 2, "4999.99", 1), **pair("4999.99")),
        case("value 5,000.00", expected=("5000", "0", 2, "5000", 2), **pair("5000")),
        case("value 9,999.99", expected=("9999.99", "0", 2, "9999.99", 2), **pair("9999.99")),
        case("value 10,000.00", expected=("10000", "0", 2, "10000", 3), **pair("10000")),
        case("value 15,999.99", expected=("15999.99", "0", 2, "15999.99", 3), **pair("15999.99")),
        case("value 16,000.00", expected=("16000", "0", 2, "16000", 4), **pair("16000")),
        case("value 24,999.99", expected=("24999.99", "0", 2, "24999.99", 4), **pair("24999.99")),
        case("value 25,000.00", expected=("25000", "0", 2, "25000", 5), **pair("25000")),
        # 4,545.45 * 1.1 = 4,999.995; 4,545.46 * 1.1 = 5,000.006
        case(
            "value 4,999.995 is not rounded up",
            yearly("2023-01-01", "1000", "1000", "2545.45"),
            ("4545.45", "0", 3, "4999.995", 1),
        ),
        case(
            "value 5,000.006",
            yearly("2023-01-01", "1000", "1000", "2545.46"),
            ("4545.46", "0", 3, "5000.006", 2),
        ),
    ]


def test_each_case_is_rated_once(star: Any, ratings: dict[str, Any]) -> None:
    found = cases(star)
    assert len(found) >= 30
    assert sorted(ratings) == sorted(case.name for case in found)


def test_a_case_of_value_is_rated_as_worked_out_by_hand(
    star: Any, case: Any, ratings: dict[str, Any]
) -> None:
    star.expect(case, ratings[case.name])


def test_an_explanation_gives_the_value_that_is_rated(
    star: Any, star_lake: Lake, ratings: dict[str, Any]
) -> None:
    for case in cases(star)[::6]:
        star.expect_explained(case, star_lake, ratings[case.name])
