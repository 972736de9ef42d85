"""The star rule: years with us, breaks that restart them, and lapsing, worked out by hand."""

from datetime import date, timedelta
from typing import Any

from features.lake import Lake


def cases(star: Any) -> list[Any]:
    """The customers, each with the rating worked out by hand."""
    case, term, claim, yearly = star.case, star.term, star.claim, star.yearly

    def reaching(days: int) -> list[Any]:
        """A chain without gaps whose latest inception, 10 June 2025, is `days` after its first."""
        first = date(2025, 6, 10) - timedelta(days)
        offsets = [*range(0, days, 365), days]
        return [term((first + timedelta(offset)).isoformat()) for offset in offsets]

    return [
        # --- tenure 1 to 6: 1 + floor((days + 30) / 365.25)
        # 0 days: 1; c = 0
        case("first year", yearly("2025-01-01", "3000"), ("3000", "0", 1, "0", 1)),
        # 366 + 30 = 396 / 365.25 = 1.08: 2; (6,000 - 0) * 1
        case("second year", yearly("2024-01-01", "3000", "3000"), ("6000", "0", 2, "6000", 2)),
        # 731 + 30 = 761 / 365.25 = 2.08: 3; 9,000 * 1.1
        case("third year", yearly("2023-01-01", *["3000"] * 3), ("9000", "0", 3, "9900", 2)),
        # 1,096 + 30 = 1,126 / 365.25 = 3.08: 4; 12,000 * 1.2
        case("fourth year", yearly("2022-01-01", *["3000"] * 4), ("12000", "0", 4, "14400", 3)),
        # 1,461 + 30 = 1,491 / 365.25 = 4.08: 5; 15,000 * 1.3
        case("fifth year", yearly("2021-01-01", *["3000"] * 5), ("15000", "0", 5, "19500", 4)),
        # 1,827 + 30 = 1,857 / 365.25 = 5.08: 6; the first term is before the window: 15,000 * 1.3
        case("sixth year", yearly("2020-01-01", *["3000"] * 6), ("15000", "0", 6, "19500", 4)),
        # 335 + 30 = 365 < 365.25: 1; 336 + 30 = 366: 2; 2 * 1,000 * 1
        case("335 days", reaching(335), ("2000", "0", 1, "0", 1)),
        case("336 days", reaching(336), ("2000", "0", 2, "2000", 1)),
        # 700 + 30 = 730 < 730.5: 2; 701 + 30 = 731: 3; 3,000 * 1 and * 1.1
        case("700 days", reaching(700), ("3000", "0", 2, "3000", 1)),
        case("701 days", reaching(701), ("3000", "0", 3, "3300", 1)),
        # 1,065 + 30 = 1,095 < 1,095.75: 3; 1,066 + 30 = 1,096: 4; 4,000 * 1.1 and * 1.2
        case("1065 days", reaching(1065), ("4000", "0", 3, "4400", 1)),
        case("1066 days", reaching(1066), ("4000", "0", 4, "4800", 1)),
        # 1,430 + 30 = 1,460 < 1,461: 4; 1,431 + 30 = 1,461 exactly: 5; 5,000 * 1.2 and * 1.3
        case("1430 days", reaching(1430), ("5000", "0", 4, "6000", 2)),
        case("1431 days", reaching(1431), ("5000", "0", 5, "6500", 2)),
        # 1,796 + 30 = 1,826 < 1,826.25: 5; 1,797 + 30 = 1,827: 6; 6,000 * 1.3 both
        case("1796 days", reaching(1796), ("6000", "0", 5, "7800", 2)),
        case("1797 days", reaching(1797), ("6000", "0", 6, "7800", 2)),
        # --- breaks
        # cover ends 15 Jan, + 6 months = 15 July: no break; 547 + 30 = 577 / 365.25 = 1.6: 2
        case(
            "break of exactly 6 months",
            [term("2023-01-15", "3000"), term("2024-07-15", "3000")],
            ("6000", "0", 2, "6000", 2),
            chain_start="2023-01-15",
        ),
        # 16 July: the chain restarts; the money before it stays in the window
        case(
            "break of 6 months and a day",
            [term("2023-01-15", "3000"), term("2024-07-16", "3000")],
            ("6000", "0", 1, "0", 1),
            chain_start="2024-07-16",
        ),
        # 31 Aug 2023 + 6 months clips to 29 Feb 2024; 547 + 30: 2
        case(
            "31 August to 29 February",
            [term("2022-08-31", "3000"), term("2024-02-29", "3000")],
            ("6000", "0", 2, "6000", 2),
            as_of="2024-12-31",
        ),
        case(
            "31 August to 1 March, leap year",
            [term("2022-08-31", "3000"), term("2024-03-01", "3000")],
            ("6000", "0", 1, "0", 1),
            as_of="2024-12-31",
        ),
        # 31 Aug 2022 + 6 months clips to 28 Feb 2023; 546 + 30 = 576: 2
        case(
            "31 August to 28 February",
            [term("2021-08-31", "3000"), term("2023-02-28", "3000")],
            ("6000", "0", 2, "6000", 2),
            as_of="2023-12-31",
        ),
        case(
            "31 August to 1 March, common year",
            [term("2021-08-31", "3000"), term("2023-03-01", "3000")],
            ("6000", "0", 1, "0", 1),
            as_of="2023-12-31",
        ),
        # chain from 2023: 731 + 30 = 761: 3; (5,000 + 9,000) * 1.1
        case(
            "money from before a restart",
            [term("2021-01-01", "5000"), *yearly("2023-01-01", "3000", "3000", "3000")],
            ("14000", "0", 3, "15400", 3),
            chain_start="2023-01-01",
        ),
        # expires 28 Feb 2025; 365 + 30 = 395: 2
        case(
            "inception on a leap day",
            [term("2024-02-29", "3000"), term("2025-02-28", "3000")],
            ("6000", "0", 2, "6000", 2),
        ),
        # --- lapsed
        # cover ends 30 Dec 2024 + 6 months = 30 June 2025 = D; 365 + 30 = 395: 2
        case(
            "6 months without cover",
            yearly("2022-12-30", "3000", "3000"),
            ("6000", "0", 2, "6000", 2),
        ),
        case(
            "6 months and a day without cover",
            yearly("2022-12-29", "3000", "3000"),
            ("6000", "0", 0, "0", 1),
            lapsed=True,
        ),
        # cover ends 31 Aug 2024: not lapsed on 28 Feb 2025, lapsed on 1 March
        case(
            "not lapsed on the clipped day",
            yearly("2022-08-31", "3000", "3000"),
            ("6000", "0", 2, "6000", 2),
            as_of="2025-02-28",
        ),
        case(
            "lapsed after the clipped day",
            yearly("2022-08-31", "3000", "3000"),
            ("6000", "0", 0, "0", 1),
            as_of="2025-03-01",
            lapsed=True,
        ),
        # 0 * (3,000 - 9,000) is 0
        case(
            "lapsed with claims above premium",
            yearly("2022-01-01", "3000"),
            ("3000", "9000", 0, "0", 1),
            [claim("2022-02-01T04:00", [("2022-02-02T04:00", "9000", "0")])],
            lapsed=True,
        ),
    ]


def test_each_case_is_rated_once(star: Any, ratings: dict[str, Any]) -> None:
    found = cases(star)
    assert len(found) >= 20
    assert sorted(ratings) == sorted(case.name for case in found)


def test_a_case_of_tenure_is_rated_as_worked_out_by_hand(
    star: Any, case: Any, ratings: dict[str, Any]
) -> None:
    star.expect(case, ratings[case.name])


def test_an_explanation_gives_the_tenure_that_is_rated(
    star: Any, star_lake: Lake, ratings: dict[str, Any]
) -> None:
    for case in cases(star)[::6]:
        star.expect_explained(case, star_lake, ratings[case.name])
