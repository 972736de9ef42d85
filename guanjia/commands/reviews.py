"""Reviews by a human of what a machine decided (PIPL art. 24): listed and answered."""

import getpass
from typing import Annotated

import typer

from guanjia.terminal.options import Json, lake, now, records
from guanjia.terminal.output import emit, table

MOST = 1_000
Who = Annotated[
    str | None, typer.Option("--who", help="Who does it; it is kept. Default: who is logged in.")
]


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
    who: Who = None,
    json: Json = False,
) -> None:
    """List the decisions that a person asked a human to review, the oldest first."""
    from serving.records.people import reviews
    from serving.records.people.audit import access_row, insert_accesses

    at = now()
    with records(lake()) as database, database.writing() as connection:
        found = reviews.list_reviews(
            connection,
            MOST,
            answered=None if customer else answered,
            customer_id=customer,
            branches=branch or None,
        )
        if found:
            customers = list(dict.fromkeys(review.customer_id for review in found))
            reader = who or getpass.getuser()
            row = access_row(reader, "guanjia reviews list", customers, at, "review")
            insert_accesses(connection, [row])
    rows = [vars(review) for review in found]
    columns = ["review_id", "customer_id", "asked_at", "touchpoint", "reason", "answer", "upheld"]
    shown = table("Reviews", rows, columns) if rows else "no review is asked for"
    last = f"only the first {MOST:,}: answer some, and list again" if len(rows) == MOST else ""
    emit({"reviews": rows}, json, shown, *([last] if last else []))


def answer(
    review_id: Annotated[str, typer.Argument(help="The number that `guanjia reviews list` shows.")],
    text: Annotated[str, typer.Option("--text", help="What was found, for the customer to read.")],
    upheld: Annotated[
        bool, typer.Option("--upheld/--overturned", help="Whether the decision stands.")
    ],
    who: Who = None,
    json: Json = False,
) -> None:
    """Answer a review; the answer is kept with the decision, for good."""
    from serving.records.people.reviews import answer_review

    with records(lake()) as database, database.writing(durable=True) as connection:
        review, repeated = answer_review(
            connection, review_id, who or getpass.getuser(), text, upheld, now()
        )
    verdict = "upheld" if review.upheld else "overturned"
    told = f"{verdict} by {review.answered_by}: decision {review.decision_id}"
    again = " (answered so before)" if repeated else ""
    emit({"review": vars(review), "repeated": repeated}, json, f"{told}{again}")
