"""The page of faults is current, and each fault on it has a test that is there."""

from dataclasses import replace
from pathlib import Path

from fault_page import missing_tests, render
from fault_table import FAULTS
from random_faults import FAULTS as RANDOM_FAULTS

PAGE = Path(__file__).parents[2] / "docs" / "robustness.md"


def test_the_page_of_faults_is_current() -> None:
    page = PAGE.read_text("utf-8")
    assert render(page) == page, "run `make docs`"


def test_each_fault_has_a_test_that_is_there() -> None:
    assert [fault.name for fault in FAULTS if not fault.tests] == []
    assert missing_tests() == []
    (first, *_) = FAULTS
    gone = replace(first, tests=("tests/no.py::test_a", f"{first.tests[0]}_b"))
    assert missing_tests((gone,)) == sorted(gone.tests), "a test that is gone is seen"


def test_each_fault_is_named_once_and_wholly_described() -> None:
    names = [(fault.component, fault.name) for fault in FAULTS]
    assert len(names) == len(set(names))
    for fault in FAULTS:
        for sentence in (fault.meaning, fault.recovery):
            assert sentence.endswith("."), fault.name
        assert fault.predict, fault.name
        assert fault.decide, fault.name


def test_random_faults_stand_in_the_table() -> None:
    named = {(fault.component, fault.name) for fault in FAULTS}
    assert set(RANDOM_FAULTS) - named == set()
