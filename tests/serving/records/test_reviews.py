"""Reviews by a human: asked for once, listed to whom they concern, answered once, erased."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from features.settings import Settings
from serving.records.contacts.decisions import Decision, UnknownDecisionError, write_decision
from serving.records.database import Records
from serving.records.people import reviews
from serving.records.people.erase_records import erase_from_records
from serving.records.people.handover import pass_branch
from serving.records.people.reviews import (
    Review,
    ReviewAnsweredError,
    UnknownReviewError,
    answer_review,
    find_review,
    list_reviews,
    request_review,
)
from serving.records.tables import review_requests

NOW = datetime(2026, 6, 1, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
KEY = b"k" * 32


def decided(records: Records, customer: str = "C1", branch: str | None = "B1") -> str:
    """The number of a decision of silence."""
    decision = Decision(customer, "app_open", NOW, {}, branch=branch)
    with records.writing() as connection:
        return write_decision(connection, decision).decision_id


def requested(
    records: Records, customer: str = "C1", branch: str | None = "B1", hours: int = 0
) -> str:
    """The number of a review."""
    decision_id = decided(records, customer, branch)
    with records.writing() as connection:
        at = NOW + hours * HOUR
        return request_review(connection, decision_id, "app", "不同意", at).review_id


def answer(
    records: Records,
    number: str,
    by: str = "ann",
    text: str = "维持",
    at: datetime = NOW + HOUR,
    branches: list[str] | None = None,
) -> tuple[Review, bool]:
    with records.writing() as connection:
        return answer_review(connection, number, by, text, True, at, branches)


def listed(records: Records, most: int = 10, **more: Any) -> list[str]:
    with records.reading() as connection:
        return [review.review_id for review in list_reviews(connection, most, **more)]


def test_it_is_asked_for_once_and_answered_once(records: Records) -> None:
    decision_id = decided(records)
    with records.writing() as connection:
        first = request_review(connection, decision_id, "C1", "不同意", NOW)
        again = request_review(connection, decision_id, "C1", "仍不同意", NOW + HOUR)
        with pytest.raises(UnknownDecisionError):
            request_review(connection, "none", "C1", "不同意", NOW)
        with pytest.raises(UnknownDecisionError):
            request_review(connection, decision_id, "C1", "不同意", NOW, branches=["B2"])
    assert (first.repeated, again.repeated) == (False, True)
    assert (again.review_id, again.asked_at) == (first.review_id, NOW)
    with records.reading() as connection:
        waiting = find_review(connection, decision_id)
    assert waiting
    assert (waiting.branch, waiting.reason, waiting.answer) == ("B1", "不同意", None)
    review, repeated = answer(records, first.review_id)
    assert not repeated
    assert (review.answered_by, review.answer, review.upheld, review.answered_at) == (
        "ann", "维持", True, NOW + HOUR,
    )  # fmt: skip
    # The same answer of the same person changes nothing; any other is refused.
    assert answer(records, first.review_id, at=NOW + 5 * HOUR) == (review, True)
    for other in ({"by": "bob"}, {"text": "改判"}):
        with pytest.raises(ReviewAnsweredError, match="was answered by ann on 2026-06-01"):
            answer(records, first.review_id, **other)  # type: ignore[arg-type]
    with pytest.raises(UnknownReviewError, match="review none: is not known"):
        answer(records, "none")
    with records.reading() as connection:
        assert find_review(connection, decision_id) == review
        assert find_review(connection, "none") is None


def test_they_are_listed_in_the_order_of_asking_a_page_at_a_time(records: Records) -> None:
    late, soon = requested(records, "C1", hours=2), requested(records, "C2", hours=1)
    done = requested(records, "C1")
    answer(records, done)
    assert listed(records) == [soon, late]
    assert listed(records, answered=True) == [done]
    assert listed(records, answered=None) == [done, soon, late]
    assert listed(records, answered=None, customer_id="C1") == [done, late]
    assert listed(records, customer_id="C9") == []
    assert listed(records, 1) == [soon]
    assert listed(records, 1, after=soon) == [late]
    assert listed(records, 1, after=late) == []


def test_of_other_branches_there_are_none(records: Records) -> None:
    own, other, nowhere = (
        requested(records, branch=branch, hours=hours)
        for hours, branch in enumerate(["B1", "B2", None])
    )
    assert listed(records, branches=["B1"]) == [own]
    assert listed(records, branches=["B1", "B2"]) == [own, other]
    assert listed(records, branches=[]) == []
    assert listed(records) == [own, other, nowhere]
    for number in (other, nowhere, "none"):
        with pytest.raises(UnknownReviewError, match=f"review {number}: is not known"):
            answer(records, number, branches=["B1"])
    answer(records, own, branches=["B1"])


def test_with_the_customer_their_reviews_go(records: Records, rows: Any) -> None:
    number, other = requested(records, "C1"), requested(records, "C2", hours=1)
    with records.writing() as connection:
        assert (
            erase_from_records(connection, "C1", "compliance", NOW, KEY).rows["review_requests"]
            == 1
        )
    assert listed(records, answered=None) == [other]
    with pytest.raises(UnknownReviewError):
        answer(records, number)
    assert {row["customer_id"] for row in rows(review_requests)} == {"C2"}


@pytest.mark.parametrize("act", ["ask", "answer"])
def test_who_is_erased_meanwhile_leaves_nothing(
    records: Records, rows: Any, act: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The customer is erased between the first look at the decision and the lock."""
    number, decision_id = requested(records), decided(records)
    hold = reviews.lock_customer

    def erased_before(connection: Connection, customer_id: str) -> None:
        if connection.dialect.name == "postgresql":
            with records.writing() as other:
                erase_from_records(other, customer_id, "compliance", NOW, KEY)
        else:  # SQLite has one writer at a time: meanwhile is in here
            erase_from_records(connection, customer_id, "compliance", NOW, KEY)
        hold(connection, customer_id)

    monkeypatch.setattr(reviews, "lock_customer", erased_before)
    with records.writing() as connection:
        if act == "ask":
            with pytest.raises(UnknownDecisionError):
                request_review(connection, decision_id, "app", "不同意", NOW)
        else:
            with pytest.raises(UnknownReviewError):
                answer_review(connection, number, "ann", "维持", True, NOW)
    assert rows(review_requests) == []


def test_a_handover_changes_no_review(records: Records, rows: Any) -> None:
    number = requested(records)
    before = rows(review_requests)
    with records.writing() as connection:
        pass_branch(connection, "B1", "M1", "M2", "boss", NOW, customers=["C1"])
    assert rows(review_requests) == before
    assert listed(records, branches=["B1"]) == [number]


def test_as_they_are_typed(
    guanjia: Callable[..., Any], process: Callable[..., Any], home: Path
) -> None:
    records = Records(Settings(home=home))
    records.migrate()
    first, second = requested(records), requested(records, "C2", "B2", hours=1)
    shown = json.loads(guanjia("reviews", "list", "--who", "ann", "--json").stdout)
    assert [row["review_id"] for row in shown["reviews"]] == [first, second]
    shown = json.loads(guanjia("reviews", "list", "--branch", "B2", "--json").stdout)
    assert [row["customer_id"] for row in shown["reviews"]] == ["C2"]
    words = ("reviews", "answer", first, "--text", "维持", "--who", "ann")
    assert guanjia(*words).returncode == 2  # upheld or overturned: somebody has to say
    done = process(home, *words, "--overturned")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("overturned by ann: decision ")
    again = json.loads(guanjia(*words, "--overturned", "--json").stdout)
    assert (again["repeated"], again["review"]["upheld"]) == (True, False)
    refused = guanjia(*words, "--upheld")
    assert refused.returncode == 2
    assert "was answered by ann" in refused.stderr
    assert second in guanjia("reviews", "list").stdout
    answered = json.loads(guanjia("reviews", "list", "--answered", "--json").stdout)
    assert [row["answer"] for row in answered["reviews"]] == ["维持"]
    with records.reading() as connection:
        query = "SELECT subject, endpoint, customer_ids FROM reads ORDER BY read_id"
        noted = connection.exec_driver_sql(query).all()
    records.close()
    assert tuple(noted[0]) == ("ann", "guanjia reviews list", '["C1","C2"]')
    assert len(noted) == 4
