"""Commands to list and answer human reviews of automated decisions (PIPL art. 24)."""

import getpass
from typing import Annotated

import typer

from guanjia.terminal.options import Json, open_lake, open_records, read_clock
from guanjia.terminal.output import emit, table

MOST = 1_000
WHO = "Who does it; recorded. Default: the user who is logged in."


def list_reviews(
    answered: Annotated[
        bool, typer.Option("--answered", help="Those that are answered, not those that wait.")
    ] = False,
    customer: Annotated[
        str | None, typer.Option("--customer", help="Of one customer, open and answered.")
    ] = None,
    branch: Annotated[
        list[str] | None, typer.Option("--branch", help="Of customers of this branch; repeatable.")
    ] = None,
    who: Annotated[str | None, typer.Option("--who", help=WHO)] = None,
    json: Json = False,
) -> None:
    """List the decisions that a customer asked a human to review, the oldest first."""
    from serving.records.people import reviews
    from serving.records.people.audit import access_row, insert_accesses

    at = read_clock()
    with open_records(open_lake()) as database, database.writing() as connection:
        waiting = reviews.list_reviews(
            connection,
            MOST,
            answered=None if customer else answered,
            customer_id=customer,
            branches=branch or None,
        )
        if waiting:
            customers = list(dict.fromkeys(review.customer_id for review in waiting))
            reader = who or getpass.getuser()
            row = access_row(reader, "guanjia reviews list", customers, at, "review")
            insert_accesses(connection, [row])
    rows = [vars(review) for review in waiting]
    columns = ["review_id", "customer_id", "asked_at", "touchpoint", "reason", "answer", "upheld"]
    shown = table("Reviews", rows, columns) if rows else "no review was requested"
    last = f"only the first {MOST:,}: answer some, and list again" if len(rows) == MOST else ""
    emit({"reviews": rows}, json, shown, *([last] if last else []))


def answer(
    review_id: Annotated[str, typer.Argument(help="The number that `guanjia reviews list` shows.")],
    text: Annotated[str, typer.Option("--text", help="What was found, for the customer to read.")],
    upheld: Annotated[
        bool, typer.Option("--upheld/--overturned", help="Whether the decision stands.")
    ],
    who: Annotated[str | None, typer.Option("--who", help=WHO)] = None,
    json: Json = False,
) -> None:
    """Answer a review; the answer is stored with the decision, for good."""
    from serving.records.people.reviews import answer_review

    with open_records(open_lake()) as database, database.writing(durable=True) as connection:
        review, repeated = answer_review(
            connection, review_id, who or getpass.getuser(), text, upheld, read_clock()
        )
    verdict = "upheld" if review.upheld else "overturned"
    summary = f"{verdict} by {review.answered_by}: decision {review.decision_id}"
    again = " (answered so before)" if repeated else ""
    emit({"review": vars(review), "repeated": repeated}, json, f"{summary}{again}")
