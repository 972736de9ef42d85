"""What real people deliver, each trouble as a case: `guanjia check` and `guanjia tags` on it."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pyarrow.parquet as pq
import pytest
from case_files import NOW, Checked

Check = Callable[..., Checked]
Run = Callable[..., "CompletedProcess[str]"]
ALL_GOOD = {"customers": 2, "vehicles": 2, "policies": 5, "claims": 1, "claim_movements": 2}
DAY = "2026-06-30"
ID_FAULT = "customer_id stands for nothing (NULL, -, 0) or lost digits in a spreadsheet (1.1E+17)"
OWN_ID = "customer_id is read without blanks, invisible and full-width characters"
UNKNOWN_POLICY = "policy_id is not a known policy: the star counts the claim by its car"


def assert_all_good(checked: Checked) -> None:
    """Every row of the base is good, and nothing is odd."""
    assert checked.code == 0
    assert {name: table["good"] for name, table in checked.tables.items()} == ALL_GOOD
    assert all(not table["reasons"] and not table["notes"] for table in checked.tables.values())


def tags_of(home: Path, run: Run, customer: str, *names: str, day: str = DAY) -> list[Any]:
    """Tags of a customer, computed by `guanjia tags`."""
    done = run(home, "tags", "--as-of", day, "--now", NOW)
    assert done.returncode == 0, done.stderr
    values: dict[str, Any] = {}
    for path in home.glob(f"tags/*/as_of={day}.parquet"):
        rows = pq.read_table(path, partitioning=None).to_pylist()
        values |= next(row for row in rows if row["customer_id"] == customer)
    return [values[name] for name in names]


def test_base_is_good(check: Check) -> None:
    assert_all_good(check("base"))


def test_a01_gbk_as_chinese_excel_saves_it(check: Check) -> None:
    refused = check("A01")
    assert refused.code == 2
    assert refused.error["thing"].endswith("raw/customers/a.csv")
    assert refused.error["fault"] == (
        "is not UTF-8 text: line 2 cannot be read (is it GBK, as saved by Excel?)"
    )
    assert "CSV UTF-8" in refused.error["cure"]
    assert not (refused.home / "checked").exists()


def test_a05_a_heading_with_another_line_end(check: Check) -> None:
    assert_all_good(check("A05"))


def test_a07_a_footer(check: Check) -> None:
    checked = check("A07")
    assert (checked.code, checked.counts("customers")) == (0, (3, 2, 1, 0))
    sentence = "the line has more or fewer cells than the heading"
    assert checked.tables["customers"]["reasons"] == {sentence: 1}
    assert checked.tables["customers"]["examples"] == {sentence: "a.csv, line 4"}


def test_a08_two_months_in_one_file(check: Check) -> None:
    refused = check("A08")
    assert refused.code == 2
    assert refused.error["fault"] == (
        "has a second heading in line 7, with other columns (city_tier)"
    )


def test_a12_a_misspelt_column(check: Check, run: Run) -> None:
    checked = check("A12")
    assert checked.tables["policies"]["extra_columns"] == ["writen_premium"]
    assert "written_premium" in checked.tables["policies"]["absent_columns"]
    shown = run(checked.home, "check", "--now", NOW).stdout
    assert "is it written_premium?" in shown


def test_a13_an_extract_with_headings_of_its_own(check: Check) -> None:
    refused = check("A13")
    assert refused.code == 2
    for words in (
        "customers has no column registered_at, recorded_at",
        "policies has no column line, signed_at, inception, expiry, recorded_at",
        "claims has no column occurred_at, reported_at, recorded_at",
    ):
        assert words in refused.error["fault"]


def test_a18_days_without_hyphens(check: Check) -> None:
    refused = check("A18")
    assert (refused.code, refused.counts("policies")) == (1, (5, 0, 5, 0))
    policies = refused.tables["policies"]
    assert policies["reasons"] == {
        "expiry is not a valid day, as 2025-07-01": 5,
        "inception is not a valid day, as 2025-07-01": 5,
    }
    assert policies["examples"]["inception is not a valid day, as 2025-07-01"] == (
        "a.csv, line 2: 20230701"
    )
    assert "table policies has no good row (5 are held back)" in refused.error["fault"]


def test_a21_blanks_and_nothing_in_ids(check: Check) -> None:
    checked = check("A21", "quarantined_share_max = 1\n")
    # Four rows are C1 of one instant: the last counts. c1 is another one, and is said to be near.
    assert (checked.code, checked.counts("customers")) == (0, (9, 3, 6, 0))
    assert [row[0] for row in checked.rows("customers", "customer_id")] == ["C1", "C2", "c1"]
    customers = checked.tables["customers"]
    assert customers["reasons"] == {
        "another row with the same customer_id and recorded_at was delivered later": 3,
        ID_FAULT: 3,
    }
    assert customers["examples"][ID_FAULT] == "a.csv, line 8: NULL"
    assert customers["notes"] == {
        OWN_ID: 3,
        "customer_id differs from another one in capital letters alone": 2,
    }
    assert checked.tables["policies"]["notes"] == {OWN_ID: 5}
    assert checked.counts("policies") == (5, 5, 0, 0)


def test_a26_phones_of_spreadsheets(check: Check) -> None:
    checked = check("A26")
    assert checked.rows("customers", "customer_id", "phone") == [
        ("C1", None), ("C2", "13800000002"), ("C3", "1380000001"),
    ]  # fmt: skip
    notes = checked.tables["customers"]["notes"]
    assert list(notes.values()) == [1, 2]
    # A personal cell is not shown.
    assert "a.csv, line 2: (personal)" in checked.tables["customers"]["examples"].values()


def test_a28_days_as_midnights_with_a_zone(check: Check) -> None:
    checked = check("A28")
    assert_all_good(checked)
    assert checked.rows("policies", "policy_id", "inception", "expiry")[2] == (
        "P3", date(2025, 7, 1), date(2026, 7, 1),
    )  # fmt: skip


def test_a30_cst_is_chinas(check: Check) -> None:
    checked = check("A30")
    assert_all_good(checked)
    ((occurred, day),) = checked.rows("claims", "occurred_at", "occurred_on")
    assert (occurred, day) == (datetime(2026, 6, 30, 12, tzinfo=UTC), date(2026, 6, 30))


def test_a31_files_of_windows(check: Check) -> None:
    assert_all_good(check("A31"))


def test_a34_a_lock_file_of_excel(check: Check) -> None:
    checked = check("A34")
    assert_all_good(checked)
    assert checked.unused == [{
        "path": "customers/~$a.csv",
        "why": "it is the lock of a file that somebody has open",
        "cure": "close the file in the spreadsheet, so that it is delivered whole",
    }]  # fmt: skip


def test_a36_a_code_is_no_truth(check: Check) -> None:
    refused = check("A36")
    assert (refused.code, refused.counts("policies")) == (1, (5, 0, 5, 0))
    sentence = "private_car is left out: private_car is not a valid true or false"
    assert refused.tables["policies"]["reasons"][sentence] == 5
    assert refused.tables["policies"]["examples"][sentence] == "a.parquet, row 1: 2"


def test_a37_a_placeholder_for_a_birthday(check: Check) -> None:
    checked = check("A37")
    assert checked.code == 0
    assert {name: table["good"] for name, table in checked.tables.items()} == ALL_GOOD
    assert checked.tables["customers"]["notes"] == {
        "birth_date is left out: a customer is born at most 110 years before registration": 1
    }
    born = checked.rows("customers", "customer_id", "birth_date")
    assert born == [("C1", None), ("C2", date(1990, 12, 31))]


def test_a41_premiums_in_units_of_10000_yuan(check: Check) -> None:
    refused = check("A41")
    assert refused.code == 1
    for words in ("at most 0.3 yuan", "not between 50 and 200000", "such as 10,000 yuan?"):
        assert words in refused.error["fault"]
    assert not list(refused.home.glob("checked/*.parquet"))


def test_b08_a_claim_without_a_policy(check: Check) -> None:
    checked = check("B08")
    assert checked.code == 0
    assert checked.tables["claims"]["notes"] == {UNKNOWN_POLICY: 1}
    assert checked.tables["claim_movements"]["notes"] == {
        "claim_id is not a known claim: the amount counts in no star and no tag, in the account of"
        " its customer": 1
    }
    assert list(checked.tables["claim_movements"]["examples"].values()) == ["a.csv, line 3"]


@pytest.mark.parametrize(
    ("bound", "words"),
    [
        ("claims_without_policy_share_max = 0.1", "1 of 1 claims: policy_id is not a known policy"),
        ("movements_without_claim_share_max = 0.1", "1 of 2 claim_movements: claim_id is not"),
    ],
)
def test_b08_a_share_of_them_stops_the_run(check: Check, bound: str, words: str) -> None:
    refused = check("B08", f"{bound}\n")
    assert refused.code == 1
    assert words in refused.error["fault"]


def test_b10_claims_outside_their_term(check: Check) -> None:
    checked = check("B10")
    sentence = "the claim occurred outside the cover of the policy that it names"
    assert checked.tables["claims"]["notes"] == {sentence: 2}
    assert checked.tables["claims"]["examples"] == {sentence: "K1"}


def test_b12_the_last_day_of_cover_as_expiry(check: Check) -> None:
    checked = check("B12")
    sentence = (
        "expiry is a day before the anniversary: is it the last day of cover? Deliver the day"
        " after it"
    )
    assert checked.tables["policies"]["notes"] == {sentence: 4}


def test_b17_yesterdays_extract_beside_todays(check: Check) -> None:
    checked = check("B17")
    assert (checked.code, checked.counts("policies")) == (0, (10, 5, 0, 5))
    assert checked.tables["policies"]["reasons"] == {}


@pytest.mark.slow
def test_b18_a_first_delivery_recorded_today(check: Check, run: Run) -> None:
    checked = check("B18")
    sentence = next(iter(checked.tables["customers"]["notes"]))
    assert sentence.startswith("every row was recorded within a day, though they tell of years")
    assert "docs/data-flow.md" in sentence
    assert checked.tables["policies"]["notes"] == {sentence: 5}
    refused = run(checked.home, "tags", "--as-of", "2026-05-31", "--now", NOW)
    assert refused.returncode == 2
    assert "lies before anybody was known: the first record is of 2026-06-30" in refused.stderr


@pytest.mark.slow
def test_c01_an_unreadable_withdrawal_closes(check: Check, run: Run) -> None:
    checked = check("C01")
    assert (checked.code, checked.counts("consents")) == (0, (4, 2, 2, 0))
    assert checked.tables["consents"]["notes"] == {
        "a change of consent that cannot be read closes the consent until it is delivered anew": 2
    }
    for customer in ("C1", "C2"):
        assert tags_of(checked.home, run, customer, "marketing_consent") == [False]
