"""`POST /predict`: probabilities, stars and reasons of customers."""

from functools import cache

from anyio import CapacityLimiter, to_thread
from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from serving.api.guard import caller, guarded, note
from serving.api.refusals import declared
from serving.predictions.service import PredictionService
from serving.schemas import PredictRequest, PredictResponse

router = guarded()

MOST_AT_ONCE = 10
"""Customers of a request that is answered where it arrived: a millisecond or two."""
MOST_LARGE = 2
"""Larger requests worked on at once: with more threads that compute, nobody else gets a turn."""


@router.post("/predict", response_model=PredictResponse, responses=declared(404, 413, 422, 503))
async def predict(request: Request, body: PredictRequest) -> Response:
    """Probabilities, star, freshness and model versions of 1 to 1,000 customers."""
    service: PredictionService = request.app.state.service
    branches = caller(request).branches
    if len(body.customer_ids) > MOST_AT_ONCE or body.explain:
        found = await to_thread.run_sync(service.answer, body, branches, limiter=_limiter())
    elif service.is_local:
        # To hand it to a thread and back costs more than to answer it (docs/adr/0014).
        found = service.answer(body, branches)
    else:
        found = await run_in_threadpool(service.answer, body, branches)
    # Serialised once by pydantic; FastAPI would validate the answer a second time.
    answer = found.model_dump_json()
    note(request, body.customer_ids)
    return Response(answer, media_type="application/json")


@cache
def _limiter() -> CapacityLimiter:
    return CapacityLimiter(MOST_LARGE)
