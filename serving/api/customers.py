"""`DELETE /v1/customers/{customer_id}`: erase a customer (PIPL art. 47)."""

from datetime import datetime
from typing import Annotated

from fastapi import Path, Request
from fastapi.responses import Response
from pydantic import Field

from serving import clock
from serving.api.guard import caller, guarded
from serving.api.refusals import refusal_schemas
from serving.predictions.service import PredictionService
from serving.predictions.unknown_customers import unknown_customers
from serving.records.database import Records
from serving.records.people.erase_everywhere import begin_erasure, find_receipt
from serving.schemas import NO_NUL, Message

router = guarded()
Customer = Annotated[str, Path(min_length=1, max_length=64, pattern=NO_NUL, examples=["C00000001"])]


class ErasureTold(Message):
    """The receipt of an erasure. It names a keyed hash instead of the customer."""

    receipt_id: str
    customer_hash: str
    erased_at: datetime
    rows: dict[str, int] = Field(description="Rows deleted so far, by place.")
    finished: bool = Field(
        description="Whether files are erased too; until then, `guanjia erase --pending` does it."
    )


@router.delete(
    "/v1/customers/{customer_id}",
    response_model=ErasureTold,
    status_code=202,
    responses={
        **refusal_schemas(404, 422, 503),
        200: {"model": ErasureTold, "description": "Erased before, from files too"},
    },
)
def erase_customer(request: Request, customer_id: Customer) -> Response:
    """Erase a customer: unknown at once, files later. A repeated request gets the same receipt."""
    service: PredictionService = request.app.state.service
    records: Records = request.app.state.records
    requester = caller(request)
    erasure = find_receipt(service.lake, records, customer_id)
    if erasure is None:
        service.tags([customer_id], [], requester.branches)
        at = clock.now(service.lake.settings)
        erasure = begin_erasure(service.lake, records, customer_id, requester.subject, at), False
    elif requester.branches is not None and erasure[0].asked_by != requester.subject:
        # The branch of an erased customer is not known any more.
        raise unknown_customers([customer_id])
    receipt, finished = erasure
    # No entry in the access log: it would store the customer id again; the receipt says who asked.
    answer = ErasureTold(
        receipt_id=receipt.receipt_id,
        customer_hash=receipt.customer_hash,
        erased_at=receipt.erased_at,
        rows=receipt.rows,
        finished=finished,
    )
    status = 200 if finished else 202
    return Response(answer.model_dump_json(), status, media_type="application/json")
