"""The star rule against cases computed by hand, all rated in one call."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.errors import GuanjiaError
from features.lake import Lake
from features.settings import Settings, cutoff
from features.star import StarSettings, Tier, explain_rating, load_star_settings, rate

INSTANT, DAY, YUAN = pa.timestamp("us", "UTC"), pa.date32(), pa.decimal128(14, 2)
END = date(2025, 6, 30)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
ZONE = "Asia/Shanghai"


def day(text: str) -> date:
    return date.fromisoformat(text)


def noon(when: date) -> datetime:
    return datetime.combine(when, time(4), tzinfo=UTC)


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text + "+00:00")


def next_year(when: date) -> date:
    leap = (when.month, when.day) == (2, 29)
    return when.replace(year=when.year + 1, day=28 if leap else when.day)


@dataclass
class Term:
    inception: str
    premium: str = "1000"
    expiry: str | None = None
    cancelled: str | None = None
    line: str = "motor_commercial"
    private: bool | None = True
    vehicle: str = "V1"
    recorded: str | None = None
    later: list[dict[str, Any]] = field(default_factory=list)  # versions: recorded + changes


@dataclass
class Claim:
    occurred: str  # an instant in UTC
    moves: list[tuple[str, str, str]]  # recorded (UTC), paid change, outstanding change
    term: int = 0


@dataclass
class Case:
    name: str
    terms: list[Term]
    expected: tuple[str, str, int, str, int]  # premium, claims, tenure, value, star
    claims: list[Claim] = field(default_factory=list)
    as_of: str = "2025-06-30"
    lapsed: bool = False
    chain_start: str | None = None


def yearly(first: str, *premiums: str) -> list[Term]:
    found, start = [], day(first)
    for premium in premiums:
        found.append(Term(start.isoformat(), premium))
        start = next_year(start)
    return found


def reaching(days: int) -> list[Term]:
    """A chain without gaps whose latest inception, 10 June 2025, is `days` after its first."""
    first = day("2025-06-10") - timedelta(days)
    offsets = [*range(0, days, 365), days]
    return [Term((first + timedelta(offset)).isoformat()) for offset in offsets]


def pair(total: str, claim: str = "0") -> dict[str, Any]:
    """Two years' terms with this premium in all: tenure 2, coefficient 1."""
    rest = str(Decimal(total) - 1000)
    claims = [Claim("2024-03-01T04:00", [("2024-03-02T04:00", claim, "0")])]
    return {"terms": yearly("2024-01-01", "1000", rest), "claims": claims}


SIX = yearly("2019-12-01", "1000", "1000", "1000", "1000", "1000", "1000")
# SIX: the first inception lies before the window, 5 * 1,000 = 5,000 count; 1,827 days: tenure 6.
REFUND = Term("2024-01-01", "3000", later=[{"recorded": "2025-03-01", "premium": "2500"}])
REOPENED = Claim(
    "2024-05-01T04:00",
    [
        ("2024-05-02T04:00", "0", "2000"),  # reported: outstanding 2,000
        ("2024-08-01T04:00", "1500", "-2000"),  # closed: paid 1,500
        ("2025-02-01T04:00", "0", "800"),  # reopened: 800 outstanding again
    ],
)

CASES = [
    # --- tenure 1 to 6: 1 + floor((days + 30) / 365.25)
    # 0 days: 1; c = 0
    Case("first year", yearly("2025-01-01", "3000"), ("3000", "0", 1, "0", 1)),
    # 366 + 30 = 396 / 365.25 = 1.08: 2; (6,000 - 0) * 1
    Case("second year", yearly("2024-01-01", "3000", "3000"), ("6000", "0", 2, "6000", 2)),
    # 731 + 30 = 761 / 365.25 = 2.08: 3; 9,000 * 1.1
    Case("third year", yearly("2023-01-01", *["3000"] * 3), ("9000", "0", 3, "9900", 2)),
    # 1,096 + 30 = 1,126 / 365.25 = 3.08: 4; 12,000 * 1.2
    Case("fourth year", yearly("2022-01-01", *["3000"] * 4), ("12000", "0", 4, "14400", 3)),
    # 1,461 + 30 = 1,491 / 365.25 = 4.08: 5; 15,000 * 1.3
    Case("fifth year", yearly("2021-01-01", *["3000"] * 5), ("15000", "0", 5, "19500", 4)),
    # 1,827 + 30 = 1,857 / 365.25 = 5.08: 6; the first term is before the window: 15,000 * 1.3
    Case("sixth year", yearly("2020-01-01", *["3000"] * 6), ("15000", "0", 6, "19500", 4)),
    # 335 + 30 = 365 < 365.25: 1; 336 + 30 = 366: 2; 2 * 1,000 * 1
    Case("335 days", reaching(335), ("2000", "0", 1, "0", 1)),
    Case("336 days", reaching(336), ("2000", "0", 2, "2000", 1)),
    # 700 + 30 = 730 < 730.5: 2; 701 + 30 = 731: 3; 3,000 * 1 and * 1.1
    Case("700 days", reaching(700), ("3000", "0", 2, "3000", 1)),
    Case("701 days", reaching(701), ("3000", "0", 3, "3300", 1)),
    # 1,065 + 30 = 1,095 < 1,095.75: 3; 1,066 + 30 = 1,096: 4; 4,000 * 1.1 and * 1.2
    Case("1065 days", reaching(1065), ("4000", "0", 3, "4400", 1)),
    Case("1066 days", reaching(1066), ("4000", "0", 4, "4800", 1)),
    # 1,430 + 30 = 1,460 < 1,461: 4; 1,431 + 30 = 1,461 exactly: 5; 5,000 * 1.2 and * 1.3
    Case("1430 days", reaching(1430), ("5000", "0", 4, "6000", 2)),
    Case("1431 days", reaching(1431), ("5000", "0", 5, "6500", 2)),
    # 1,796 + 30 = 1,826 < 1,826.25: 5; 1,797 + 30 = 1,827: 6; 6,000 * 1.3 both
    Case("1796 days", reaching(1796), ("6000", "0", 5, "7800", 2)),
    Case("1797 days", reaching(1797), ("6000", "0", 6, "7800", 2)),
    # --- breaks
    # cover ends 15 Jan, + 6 months = 15 July: no break; 547 + 30 = 577 / 365.25 = 1.6: 2
    Case(
        "break of exactly 6 months",
        [Term("2023-01-15", "3000"), Term("2024-07-15", "3000")],
        ("6000", "0", 2, "6000", 2),
        chain_start="2023-01-15",
    ),
    # 16 July: the chain restarts; the money before it stays in the window
    Case(
        "break of 6 months and a day",
        [Term("2023-01-15", "3000"), Term("2024-07-16", "3000")],
        ("6000", "0", 1, "0", 1),
        chain_start="2024-07-16",
    ),
    # 31 Aug 2023 + 6 months clips to 29 Feb 2024; 547 + 30: 2
    Case(
        "31 August to 29 February",
        [Term("2022-08-31", "3000"), Term("2024-02-29", "3000")],
        ("6000", "0", 2, "6000", 2),
        as_of="2024-12-31",
    ),
    Case(
        "31 August to 1 March, leap year",
        [Term("2022-08-31", "3000"), Term("2024-03-01", "3000")],
        ("6000", "0", 1, "0", 1),
        as_of="2024-12-31",
    ),
    # 31 Aug 2022 + 6 months clips to 28 Feb 2023; 546 + 30 = 576: 2
    Case(
        "31 August to 28 February",
        [Term("2021-08-31", "3000"), Term("2023-02-28", "3000")],
        ("6000", "0", 2, "6000", 2),
        as_of="2023-12-31",
    ),
    Case(
        "31 August to 1 March, common year",
        [Term("2021-08-31", "3000"), Term("2023-03-01", "3000")],
        ("6000", "0", 1, "0", 1),
        as_of="2023-12-31",
    ),
    # chain from 2023: 731 + 30 = 761: 3; (5,000 + 9,000) * 1.1
    Case(
        "money from before a restart",
        [Term("2021-01-01", "5000"), *yearly("2023-01-01", "3000", "3000", "3000")],
        ("14000", "0", 3, "15400", 3),
        chain_start="2023-01-01",
    ),
    # expires 28 Feb 2025; 365 + 30 = 395: 2
    Case(
        "inception on a leap day",
        [Term("2024-02-29", "3000"), Term("2025-02-28", "3000")],
        ("6000", "0", 2, "6000", 2),
    ),
    # --- the window, (D - 5 years, D]
    # 29 Feb 2024 - 5 years clips to 28 Feb 2019, which is out: 5 of 6 count; 1,826 + 30: 6
    Case(
        "rated on a leap day, edge out",
        yearly("2019-02-28", *["1000"] * 6),
        ("5000", "0", 6, "6500", 2),
        as_of="2024-02-29",
    ),
    # 1 March 2019 is in: 5 of 5; 1,461 + 30 = 1,491: 5
    Case(
        "rated on a leap day, edge in",
        yearly("2019-03-01", *["1000"] * 5),
        ("5000", "0", 5, "6500", 2),
        as_of="2024-02-29",
    ),
    # 30 June 2020 is out, 30 June 2025 is in: 5 of 6; 1,826 + 30 = 1,856 / 365.25 = 5.08: 6
    Case(
        "premium on both edges",
        yearly("2020-06-30", *["1000"] * 6),
        ("5000", "0", 6, "6500", 2),
    ),
    # 1 July 2020 is in on 30 June 2025: 5,000 * 1.3; 1,461 + 30: 5
    Case(
        "premium a day after the edge",
        yearly("2020-07-01", *["1000"] * 5),
        ("5000", "0", 5, "6500", 2),
    ),
    # and out a day later: 4,000 * 1.3
    Case(
        "the same a day later",
        yearly("2020-07-01", *["1000"] * 5),
        ("4000", "0", 5, "5200", 2),
        as_of="2025-07-01",
    ),
    # the last microsecond of 30 June 2020 in Shanghai is out: 5,000 * 1.3
    Case(
        "claim on the lower edge, out",
        SIX,
        ("5000", "0", 6, "6500", 2),
        [Claim("2020-06-30T15:59:59.999999", [("2020-07-02T00:00", "400", "0")])],
    ),
    # the first instant of 1 July is in: (5,000 - 400) * 1.3
    Case(
        "claim on the lower edge, in",
        SIX,
        ("5000", "400", 6, "5980", 2),
        [Claim("2020-06-30T16:00", [("2020-07-02T00:00", "400", "0")])],
    ),
    Case(
        "claim on the upper edge, in",
        SIX,
        ("5000", "400", 6, "5980", 2),
        [Claim("2025-06-30T15:59:59.999999", [("2025-06-30T15:59:59.999999", "0", "400")], 5)],
    ),
    Case(
        "claim on the upper edge, out",
        SIX,
        ("5000", "0", 6, "6500", 2),
        [Claim("2025-06-30T16:00", [("2025-06-30T16:00", "0", "400")], 5)],
    ),
    # the claim is in the window though its term's premium is not: (5,000 - 400) * 1.3
    Case(
        "claim of a term before the window",
        SIX,
        ("5000", "400", 6, "5980", 2),
        [Claim("2020-11-01T04:00", [("2020-11-02T04:00", "400", "0")])],
    ),
    # --- terms
    # ends 1 June 2024 + 6 months = 1 Dec; 30 Nov is in time; 699 + 30 = 729 < 730.5: 2
    Case(
        "overlapping terms",
        [Term("2023-01-01", "2000"), Term("2023-06-01", "2000"), Term("2024-11-30", "2000")],
        ("6000", "0", 2, "6000", 2),
    ),
    # the three-year term covers the hole after the short one; 1,096 + 30 = 1,126: 4; 6,000 * 1.2
    Case(
        "a short term inside a long one",
        [
            Term("2022-01-01", "2000", expiry="2025-01-01"),
            Term("2022-02-01", "2000"),
            Term("2025-01-01", "2000"),
        ],
        ("6000", "0", 4, "7200", 2),
    ),
    # cancelled 1 Dec 2023 + 6 months = 1 June 2024: no break; 517 + 30 = 547: 2
    Case(
        "cancelled, then back in time",
        [Term("2023-01-01", "3000", cancelled="2023-12-01"), Term("2024-06-01", "3000")],
        ("6000", "0", 2, "6000", 2),
        as_of="2025-05-31",
    ),
    Case(
        "cancelled, then back a day late",
        [Term("2023-01-01", "3000", cancelled="2023-12-01"), Term("2024-06-02", "3000")],
        ("6000", "0", 1, "0", 1),
        as_of="2025-05-31",
    ),
    # neither its premium, nor its cover, nor its claim: what is left is a first year
    Case(
        "cancelled from inception",
        [Term("2023-06-01", "9000", cancelled="2023-06-01"), Term("2024-07-01", "3000")],
        ("3000", "0", 1, "0", 1),
        [Claim("2023-07-01T04:00", [("2023-07-02T04:00", "100", "0")])],
    ),
    # as of 30 June 2025 nobody knew: 396 + 30 = 426: 2; 12,000 * 1
    Case(
        "cancelled from inception later on",
        [
            Term(
                "2023-06-01",
                "9000",
                later=[{"recorded": "2025-07-01", "cancelled": "2023-06-01"}],
            ),
            Term("2024-07-01", "3000"),
        ],
        ("12000", "0", 2, "12000", 3),
    ),
    # three terms on two cars; 366 + 30: 2; 9,000 * 1
    Case(
        "two cars",
        [*yearly("2024-01-01", "3000", "3000"), Term("2024-05-01", "3000", vehicle="V2")],
        ("9000", "0", 2, "9000", 2),
    ),
    # another car carries the chain on: 2022-01-01 to 2025-01-01, 1,096 + 30: 4; 9,000 * 1.2
    Case(
        "one car after the other",
        [
            Term("2022-01-01", "3000"),
            Term("2023-06-30", "3000", vehicle="V2", expiry="2024-07-01"),
            Term("2025-01-01", "3000", vehicle="V3"),
        ],
        ("9000", "0", 4, "10800", 3),
    ),
    # compulsory 950 + commercial 2,000, twice: 5,900 * 1
    Case(
        "both covers",
        [
            *yearly("2024-01-01", "2000", "2000"),
            Term("2024-01-01", "950", line="motor_compulsory"),
            Term("2025-01-01", "950", line="motor_compulsory"),
        ],
        ("5900", "0", 2, "5900", 2),
    ),
    # money of private cars alone (3,000); the chain is any motor term's: 366 + 30: 2
    Case(
        "a vehicle that is not a private car",
        [Term("2024-01-01", "8000", private=False), Term("2025-01-01", "3000")],
        ("3000", "0", 2, "3000", 1),
        [Claim("2024-02-01T04:00", [("2024-02-02T04:00", "700", "0")])],
    ),
    # neither premium, nor claim, nor tenure of the accident cover
    Case(
        "non-motor cover",
        [Term("2024-01-01", "8000", line="accident", private=None), Term("2025-01-01", "3000")],
        ("3000", "0", 1, "0", 1),
        [Claim("2024-02-01T04:00", [("2024-02-02T04:00", "700", "0")])],
    ),
    # never had motor cover: tenure 0 and value 0, but there is nothing he lapsed from
    Case(
        "non-motor cover only",
        [Term("2024-01-01", "8000", line="health", private=None)],
        ("0", "0", 0, "0", 1),
    ),
    # 366 + 30: 2; the term from 1 July 2025 does not count yet: 6,000 * 1
    Case(
        "signed but not incepted",
        [*yearly("2023-07-01", "3000", "3000"), Term("2025-07-01", "3000", recorded="2025-06-01")],
        ("6000", "0", 2, "6000", 2),
    ),
    Case(
        "only signed",
        [Term("2025-07-01", "3000", recorded="2025-06-01")],
        ("0", "0", 0, "0", 1),
    ),
    Case(
        "term recorded late",
        [Term("2024-08-01", "3000"), Term("2025-05-01", "3000", recorded="2025-07-02")],
        ("3000", "0", 1, "0", 1),
    ),
    # --- lapsed
    # cover ends 30 Dec 2024 + 6 months = 30 June 2025 = D; 365 + 30 = 395: 2
    Case(
        "6 months without cover", yearly("2022-12-30", "3000", "3000"), ("6000", "0", 2, "6000", 2)
    ),
    Case(
        "6 months and a day without cover",
        yearly("2022-12-29", "3000", "3000"),
        ("6000", "0", 0, "0", 1),
        lapsed=True,
    ),
    # cover ends 31 Aug 2024: not lapsed on 28 Feb 2025, lapsed on 1 March
    Case(
        "not lapsed on the clipped day",
        yearly("2022-08-31", "3000", "3000"),
        ("6000", "0", 2, "6000", 2),
        as_of="2025-02-28",
    ),
    Case(
        "lapsed after the clipped day",
        yearly("2022-08-31", "3000", "3000"),
        ("6000", "0", 0, "0", 1),
        as_of="2025-03-01",
        lapsed=True,
    ),
    # 0 * (3,000 - 9,000) is 0
    Case(
        "lapsed with claims above premium",
        yearly("2022-01-01", "3000"),
        ("3000", "9000", 0, "0", 1),
        [Claim("2022-02-01T04:00", [("2022-02-02T04:00", "9000", "0")])],
        lapsed=True,
    ),
    # --- claims
    # (6,000 - 10,000) * 1
    Case("negative value", expected=("6000", "10000", 2, "-4000", 1), **pair("6000", "10000")),
    # (9,000 - 10,000.01) * 1.1 = -1,100.011
    Case(
        "negative value, exactly",
        yearly("2023-01-01", *["3000"] * 3),
        ("9000", "10000.01", 3, "-1100.011", 1),
        [Claim("2024-03-01T04:00", [("2024-03-02T04:00", "10000.01", "0")], 1)],
    ),
    # 0 * (3,000 - 8,000) is 0
    Case(
        "first year with claims above premium",
        yearly("2025-01-01", "3000"),
        ("3000", "8000", 1, "0", 1),
        [Claim("2025-03-01T04:00", [("2025-03-02T04:00", "8000", "0")])],
    ),
    # 1,500 paid + 800 outstanding: (6,000 - 2,300) * 1
    Case(
        "reopened claim",
        yearly("2024-01-01", "3000", "3000"),
        ("6000", "2300", 2, "3700", 1),
        [REOPENED],
    ),
    # before it was reopened: 1,500
    Case(
        "the same before it was reopened",
        yearly("2024-01-01", "3000", "3000"),
        ("6000", "1500", 2, "4500", 1),
        [REOPENED],
        as_of="2025-01-31",
    ),
    # still outstanding: 2,000; first year
    Case(
        "the same while outstanding",
        yearly("2023-06-01", "3000", "3000"),
        ("6000", "2000", 2, "4000", 1),
        [Claim(REOPENED.occurred, REOPENED.moves)],
        as_of="2024-06-30",
    ),
    # recorded in the first instant after D: not known; a microsecond earlier: known
    Case(
        "movement recorded after the date",
        yearly("2024-01-01", "3000", "3000"),
        ("6000", "100", 2, "5900", 2),
        [
            Claim(
                "2025-06-01T04:00",
                [("2025-06-02T04:00", "0", "100"), ("2025-06-30T16:00", "0", "5000")],
                1,
            )
        ],
    ),
    Case(
        "movement recorded by the date",
        yearly("2024-01-01", "3000", "3000"),
        ("6000", "5100", 2, "900", 1),
        [
            Claim(
                "2025-06-01T04:00",
                [("2025-06-02T04:00", "0", "100"), ("2025-06-30T15:59:59.999999", "0", "5000")],
                1,
            )
        ],
    ),
    # two claims on two terms: 1,000 + 250.50
    Case(
        "two claims",
        yearly("2024-01-01", "3000", "3000"),
        ("6000", "1250.50", 2, "4749.50", 1),
        [
            Claim("2024-03-01T04:00", [("2024-03-02T04:00", "1000", "0")]),
            Claim("2025-03-01T04:00", [("2025-03-02T04:00", "200", "50.50")], 1),
        ],
    ),
    # --- premium
    # 3,000 became 2,500 on 1 March 2025: 5,500 after, 6,000 before
    Case("premium refund", [REFUND, Term("2025-01-01", "3000")], ("5500", "0", 2, "5500", 2)),
    Case(
        "the same before the refund",
        [REFUND, Term("2025-01-01", "3000")],
        ("6000", "0", 2, "6000", 2),
        as_of="2025-02-28",
    ),
    # --- thresholds at coefficient 1, inclusive
    Case("value 0.00", expected=("6000", "6000", 2, "0", 1), **pair("6000", "6000")),
    Case("value -0.01", expected=("6000", "6000.01", 2, "-0.01", 1), **pair("6000", "6000.01")),
    Case("value 4,999.99", expected=("4999.99", "0", 2, "4999.99", 1), **pair("4999.99")),
    Case("value 5,000.00", expected=("5000", "0", 2, "5000", 2), **pair("5000")),
    Case("value 9,999.99", expected=("9999.99", "0", 2, "9999.99", 2), **pair("9999.99")),
    Case("value 10,000.00", expected=("10000", "0", 2, "10000", 3), **pair("10000")),
    Case("value 15,999.99", expected=("15999.99", "0", 2, "15999.99", 3), **pair("15999.99")),
    Case("value 16,000.00", expected=("16000", "0", 2, "16000", 4), **pair("16000")),
    Case("value 24,999.99", expected=("24999.99", "0", 2, "24999.99", 4), **pair("24999.99")),
    Case("value 25,000.00", expected=("25000", "0", 2, "25000", 5), **pair("25000")),
    # 4,545.45 * 1.1 = 4,999.995; 4,545.46 * 1.1 = 5,000.006
    Case(
        "value 4,999.995 is not rounded up",
        yearly("2023-01-01", "1000", "1000", "2545.45"),
        ("4545.45", "0", 3, "4999.995", 1),
    ),
    Case(
        "value 5,000.006",
        yearly("2023-01-01", "1000", "1000", "2545.46"),
        ("4545.46", "0", 3, "5000.006", 2),
    ),
]


def write_lake(home: Path, cases: list[Case], *, movements: bool = True) -> Lake:
    """Checked tables of the cases; a customer is named like his case."""
    policies, claims, moves = [], [], []
    for case in cases:
        for number, term in enumerate(case.terms):
            policies += _versions(case.name, f"{case.name}/{number}", term)
        for number, claim in enumerate(case.claims):
            claim_id = f"{case.name}/claim {number}"
            claims.append(
                {
                    "claim_id": claim_id,
                    "customer_id": case.name,
                    "policy_id": f"{case.name}/{claim.term}",
                    "occurred_at": instant(claim.occurred),
                    "recorded_at": instant(claim.occurred),
                    "superseded_at": None,
                }
            )
            for step, (recorded, paid, outstanding) in enumerate(claim.moves):
                moves.append(
                    {
                        "movement_id": f"{claim_id}/{step}",
                        "claim_id": claim_id,
                        "customer_id": case.name,
                        "paid_change": Decimal(paid),
                        "outstanding_change": Decimal(outstanding),
                        "recorded_at": instant(recorded),
                        "superseded_at": None,
                    }
                )
    customers = [
        {"customer_id": case.name, "recorded_at": LONG_AGO, "superseded_at": None} for case in cases
    ]
    tables = {"customers": customers, "policies": policies, "claims": claims}
    if movements:
        tables["claim_movements"] = moves
    lake = Lake(Settings(home=home, timezone=ZONE))
    for name, rows in tables.items():
        path = lake.checked(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(rows, pa.schema(SCHEMAS[name])), path)
    return lake


def _versions(customer: str, policy: str, term: Term) -> list[dict[str, Any]]:
    inception = day(term.inception)
    first = day(term.recorded) if term.recorded else inception
    row = {
        "policy_id": policy,
        "customer_id": customer,
        "vehicle_id": f"{customer}/{term.vehicle}",
        "line": term.line,
        "private_car": term.private,
        "inception": inception,
        "expiry": day(term.expiry) if term.expiry else next_year(inception),
        "cancelled_on": day(term.cancelled) if term.cancelled else None,
        "written_premium": Decimal(term.premium),
        "recorded_at": noon(first),
        "superseded_at": None,
    }
    rows = [row]
    for change in term.later:
        recorded = noon(day(change["recorded"]))
        rows[-1] = {**rows[-1], "superseded_at": recorded}
        changed = {**rows[-1], "recorded_at": recorded, "superseded_at": None}
        if "premium" in change:
            changed["written_premium"] = Decimal(change["premium"])
        if "cancelled" in change:
            changed["cancelled_on"] = day(change["cancelled"])
        rows.append(changed)
    return rows


VERSION = {"recorded_at": INSTANT, "superseded_at": INSTANT}
SCHEMAS: dict[str, dict[str, Any]] = {
    "customers": {"customer_id": pa.string(), **VERSION},
    "policies": {
        "policy_id": pa.string(),
        "customer_id": pa.string(),
        "vehicle_id": pa.string(),
        "line": pa.string(),
        "private_car": pa.bool_(),
        "inception": DAY,
        "expiry": DAY,
        "cancelled_on": DAY,
        "written_premium": YUAN,
        **VERSION,
    },
    "claims": {
        "claim_id": pa.string(),
        "customer_id": pa.string(),
        "policy_id": pa.string(),
        "occurred_at": INSTANT,
        **VERSION,
    },
    "claim_movements": {
        "movement_id": pa.string(),
        "claim_id": pa.string(),
        "customer_id": pa.string(),
        "paid_change": YUAN,
        "outstanding_change": YUAN,
        **VERSION,
    },
}


def spine_of(cases: list[Case]) -> Any:
    dates = [day(case.as_of) for case in cases]
    columns = {
        "customer_id": pa.array([case.name for case in cases], pa.string()),
        "as_of": pa.array(dates, DAY),
        "cutoff": pa.array([cutoff(as_of, ZONE) for as_of in dates], INSTANT),
    }
    return ibis.memtable(pa.table(columns))


def rated(lake: Lake, cases: list[Case], settings: StarSettings | None = None) -> dict[str, Any]:
    rows = lake.engine.to_pyarrow(rate(lake, spine_of(cases), settings)).to_pylist()
    return {row["customer_id"]: row for row in rows}


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return write_lake(tmp_path_factory.mktemp("stars"), CASES)


@pytest.fixture(scope="module")
def ratings(lake: Lake) -> dict[str, Any]:
    return rated(lake, CASES)


def test_each_case_is_rated_once(ratings: dict[str, Any]) -> None:
    assert len(CASES) >= 40
    assert sorted(ratings) == sorted(case.name for case in CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Case, ratings: dict[str, Any]) -> None:
    row = ratings[case.name]
    premium, claims, tenure, value, star = case.expected
    found = (row["premium_5y"], row["claims_5y"], row["tenure_years"], row["value"])
    assert found == (Decimal(premium), Decimal(claims), tenure, Decimal(value))
    assert not (row["value"] == 0 and row["value"].is_signed())
    assert (row["star_level"], row["lapsed"]) == (star, case.lapsed)
    if case.chain_start:
        assert row["chain_start"] == day(case.chain_start)


def test_columns_have_the_declared_types(lake: Lake) -> None:
    schema = lake.engine.to_pyarrow(rate(lake, spine_of(CASES[:1]))).schema
    assert schema.field("chain_start").type == DAY
    assert schema.field("cover_end").type == DAY
    assert schema.field("tenure_years").type == pa.int64()
    assert schema.field("star_level").type == pa.int64()
    assert schema.field("value").type == pa.decimal128(23, 4)


def test_without_movements_nothing_is_claimed_to_be_known(tmp_path: Path) -> None:
    cases = CASES[:2]
    lake = write_lake(tmp_path, cases, movements=False)
    for row in rated(lake, cases).values():
        assert (row["claims_5y"], row["value"], row["star_level"]) == (None, None, None)
    rating = explain_rating(lake, "second year", END)
    assert rating.star_level is None
    assert "Claims 赔款 b are unknown" in " ".join(rating.sentences)


def test_explained_as_rated(lake: Lake, ratings: dict[str, Any]) -> None:
    for case in CASES[::6]:
        rating = explain_rating(lake, case.name, day(case.as_of))
        row = ratings[case.name]
        assert {name: getattr(rating, name) for name in row} == row
        counted = [term.premium for term in rating.terms if term.in_premium]
        assert sum(counted, Decimal(0)) == rating.premium_5y
        costs = [claim.paid + claim.outstanding for claim in rating.claims]
        assert sum(costs, Decimal(0)) == rating.claims_5y


def test_arithmetic_in_sentences(lake: Lake) -> None:
    rating = explain_rating(lake, "third year", END)
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


def test_unknown_customer(lake: Lake) -> None:
    with pytest.raises(GuanjiaError, match=r"customer C-none: is not known as of 2025-06-30"):
        explain_rating(lake, "C-none", END)


def test_star_toml_overrides(tmp_path: Path) -> None:
    (tmp_path / "star.toml").write_text(
        'break_months = 3\ncoefficients = [0, 1, 1.1]\npremium_lines = ["motor_commercial"]\n',
        encoding="utf-8",
    )
    settings = load_star_settings(tmp_path)
    assert (settings.break_months, settings.coefficient(5)) == (3, Decimal("1.1"))
    lake = write_lake(tmp_path, CASES)
    found = rated(lake, CASES)
    assert found["break of exactly 6 months"]["tenure_years"] == 1
    assert found["fifth year"]["value"] == Decimal("16500")  # 15,000 * 1.1
    assert found["both covers"]["premium_5y"] == Decimal("4000")


def test_private_cars_only_by_setting(lake: Lake) -> None:
    name = "a vehicle that is not a private car"
    cases = [case for case in CASES if case.name == name]
    row = rated(lake, cases, StarSettings(tenure_private_cars_only=True))[name]
    assert (row["tenure_years"], row["value"]) == (1, 0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("break_months = -1", "setting break_months in .*greater than or equal to 0"),
        ("brake_months = 6", "setting brake_months in .*Extra inputs"),
        ("coefficients = [0, 1.005]", "setting coefficients.1 in .*decimal places"),
        ("year_days = nan", "setting year_days in .*finite"),
        ("break_months = ", "is not valid TOML"),
        ("tiers = []", "setting tiers in .*at least 3"),
    ],
)
def test_bad_star_toml(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "star.toml").write_text(text, encoding="utf-8")
    with pytest.raises(GuanjiaError, match=message):
        load_star_settings(tmp_path)


def test_thresholds_must_rise() -> None:
    tiers = StarSettings().tiers
    fallen = [*tiers[:1], tiers[1].model_copy(update={"threshold": Decimal(20_000)}), *tiers[2:]]
    with pytest.raises(ValueError, match="thresholds must rise"):
        StarSettings(tiers=tuple(tier.model_dump() for tier in fallen))


def test_documented(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "star.md").read_text(encoding="utf-8")
    for name in [*StarSettings.model_fields, *Tier.model_fields]:
        assert f"`{name}`" in text
    example = text.split("```toml")[1].split("```")[0]
    (tmp_path / "star.toml").write_text(example, encoding="utf-8")
    found = load_star_settings(tmp_path)
    assert [tier.threshold for tier in found.tiers] == [0, 8_000, 20_000]
