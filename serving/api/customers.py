"""`DELETE /v1/customers/{customer_id}`: erase a customer (PIPL art. 47)."""

from datetime import datetime
from typing import Annotated

from fastapi import Path, Request
from fastapi.responses import Response
from pydantic import Field

from serving import clock
from serving.api.guard import caller, guarded
from serving.api.refusals import declared
from serving.predictions.service import Door, unknown_customers
from serving.records.database import Records
from serving.records.people.erase_everywhere import begin_erasure, find_receipt
from serving.schemas import Message

router = guarded()
Customer = Annotated[str, Path(min_length=1, max_length=64, pattern=r"^[^\x00]+$")]


class ErasureTold(Message):
    """The receipt of an erasure. It names a keyed hash, and no customer."""

    receipt_id: str
    customer_hash: str
    erased_at: datetime
    rows: dict[str, int] = Field(description="Place -> rows deleted there so far.")
    finished: bool = Field(
        description="Whether the files are done too; `guanjia erase --pending` does them."
    )


@router.delete(
    "/v1/customers/{customer_id}",
    response_model=ErasureTold,
    status_code=202,
    responses={
        **declared(404, 422, 503),
        200: {"model": ErasureTold, "description": "Erased before, from every file too"},
    },
)
def erase_customer(request: Request, customer_id: Customer) -> Response:
    """Erase a customer: unknown from now on; the files follow. Again, it is the same receipt."""
    door: Door = request.app.state.door
    records: Records = request.app.state.records
    asks = caller(request)
    found = find_receipt(door.lake, records, customer_id)
    if found is None:
        door.tags([customer_id], [], asks.branches)
        at = clock.now(door.lake.settings)
        found = begin_erasure(door.lake, records, customer_id, asks.subject, at), False
    elif asks.branches is not None and found[0].asked_by != asks.subject:
        # Of which branch he was, nobody knows any more.
        raise unknown_customers([customer_id])
    receipt, finished = found
    # Not noted as read: that would write down the number anew, and the receipt says who asked.
    told = ErasureTold(
        receipt_id=receipt.receipt_id,
        customer_hash=receipt.customer_hash,
        erased_at=receipt.erased_at,
        rows=receipt.rows,
        finished=finished,
    )
    return Response(told.model_dump_json(), 200 if finished else 202, media_type="application/json")
