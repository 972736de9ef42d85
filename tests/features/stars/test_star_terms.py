"""The star rule: which terms count, for tenure and for premium, worked out by hand."""

from typing import Any

from features.lake import Lake


def cases(star: Any) -> list[Any]:
    """The customers, each with the rating worked out by hand."""
    case, term, claim, yearly = star.case, star.term, star.claim, star.yearly
    return [
        # --- terms
        # ends 1 June 2024 + 6 months = 1 Dec; 30 Nov is in time; 699 + 30 = 729 < 730.5: 2
        case(
            "overlapping terms",
            [term("2023-01-01", "2000"), term("2023-06-01", "2000"), term("2024-11-30", "2000")],
            ("6000", "0", 2, "6000", 2),
        ),
        # the three-year term covers the hole after the short one; 1,096 + 30: 4; 6,000 * 1.2
        case(
            "a short term inside a long one",
            [
                term("2022-01-01", "2000", expiry="2025-01-01"),
                term("2022-02-01", "2000"),
                term("2025-01-01", "2000"),
            ],
            ("6000", "0", 4, "7200", 2),
        ),
        # cancelled 1 Dec 2023 + 6 months = 1 June 2024: no break; 517 + 30 = 547: 2
        case(
            "cancelled, then back in time",
            [term("2023-01-01", "3000", cancelled="2023-12-01"), term("2024-06-01", "3000")],
            ("6000", "0", 2, "6000", 2),
            as_of="2025-05-31",
        ),
        case(
            "cancelled, then back a day late",
            [term("2023-01-01", "3000", cancelled="2023-12-01"), term("2024-06-02", "3000")],
            ("6000", "0", 1, "0", 1),
            as_of="2025-05-31",
        ),
        # neither its premium, nor its cover, nor its claim: what is left is a first year
        case(
            "cancelled from inception",
            [term("2023-06-01", "9000", cancelled="2023-06-01"), term("2024-07-01", "3000")],
            ("3000", "0", 1, "0", 1),
            [claim("2023-07-01T04:00", [("2023-07-02T04:00", "100", "0")])],
        ),
        # as of 30 June 2025 nobody knew: 396 + 30 = 426: 2; 12,000 * 1
        case(
            "cancelled from inception later on",
            [
                term(
                    "2023-06-01",
                    "9000",
                    later=[{"recorded": "2025-07-01", "cancelled": "2023-06-01"}],
                ),
                term("2024-07-01", "3000"),
            ],
            ("12000", "0", 2, "12000", 3),
        ),
        # three terms on two cars; 366 + 30: 2; 9,000 * 1
        case(
            "two cars",
            [*yearly("2024-01-01", "3000", "3000"), term("2024-05-01", "3000", vehicle="V2")],
            ("9000", "0", 2, "9000", 2),
        ),
        # another car carries the chain on: 2022-01-01 to 2025-01-01, 1,096 + 30: 4; 9,000 * 1.2
        case(
            "one car after the other",
            [
                term("2022-01-01", "3000"),
                term("2023-06-30", "3000", vehicle="V2", expiry="2024-07-01"),
                term("2025-01-01", "3000", vehicle="V3"),
            ],
            ("9000", "0", 4, "10800", 3),
        ),
        # compulsory 950 + commercial 2,000, twice: 5,900 * 1
        case(
            "both covers",
            [
                *yearly("2024-01-01", "2000", "2000"),
                term("2024-01-01", "950", line="motor_compulsory"),
                term("2025-01-01", "950", line="motor_compulsory"),
            ],
            ("5900", "0", 2, "5900", 2),
        ),
        # money of private cars alone (3,000); the chain is any motor term's: 366 + 30: 2
        case(
            "a vehicle that is not a private car",
            [term("2024-01-01", "8000", private=False), term("2025-01-01", "3000")],
            ("3000", "0", 2, "3000", 1),
            [claim("2024-02-01T04:00", [("2024-02-02T04:00", "700", "0")])],
        ),
        # neither premium, nor claim, nor tenure of the accident cover
        case(
            "non-motor cover",
            [term("2024-01-01", "8000", line="accident", private=None), term("2025-01-01", "3000")],
            ("3000", "0", 1, "0", 1),
            [claim("2024-02-01T04:00", [("2024-02-02T04:00", "700", "0")])],
        ),
        # never had motor cover: tenure 0 and value 0, but there is nothing he lapsed from
        case(
            "non-motor cover only",
            [term("2024-01-01", "8000", line="health", private=None)],
            ("0", "0", 0, "0", 1),
        ),
        # 366 + 30: 2; the term from 1 July 2025 does not count yet: 6,000 * 1
        case(
            "signed but not incepted",
            [
                *yearly("2023-07-01", "3000", "3000"),
                term("2025-07-01", "3000", recorded="2025-06-01"),
            ],
            ("6000", "0", 2, "6000", 2),
        ),
        case(
            "only signed",
            [term("2025-07-01", "3000", recorded="2025-06-01")],
            ("0", "0", 0, "0", 1),
        ),
        case(
            "term recorded late",
            [term("2024-08-01", "3000"), term("2025-05-01", "3000", recorded="2025-07-02")],
            ("3000", "0", 1, "0", 1),
        ),
    ]


def test_each_case_is_rated_once(star: Any, ratings: dict[str, Any]) -> None:
    found = cases(star)
    assert len(found) >= 10
    assert sorted(ratings) == sorted(case.name for case in found)


def test_a_case_of_terms_is_rated_as_worked_out_by_hand(
    star: Any, case: Any, ratings: dict[str, Any]
) -> None:
    star.expect(case, ratings[case.name])


def test_an_explanation_counts_the_terms_that_are_rated(
    star: Any, star_lake: Lake, ratings: dict[str, Any]
) -> None:
    for case in cases(star)[::6]:
        star.expect_explained(case, star_lake, ratings[case.name])
