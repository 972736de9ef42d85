"""`POST /v1/predict`, also without `/v1`: predictions, stars and reasons of customers."""

from functools import cache

from anyio import CapacityLimiter, to_thread
from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from serving import clock
from serving.api.guard import caller, guarded, note
from serving.api.refusals import refusal_schemas
from serving.predictions.service import PredictionService
from serving.schemas import PredictRequest, PredictResponse
from serving.telemetry.metrics import DEGRADED, PREDICTED, count, count_amount, labelled
from serving.telemetry.tracing import span

router = guarded()

MOST_AT_ONCE = 10
"""Most customers of a request that is answered on the event loop: a millisecond or two."""
MOST_LARGE = 2
"""Most larger requests computed at once: more computing threads would starve all others."""


@router.post(
    "/predict",
    response_model=PredictResponse,
    responses=refusal_schemas(404, 413),
    include_in_schema=False,
)
@router.post("/v1/predict", response_model=PredictResponse, responses=refusal_schemas(404, 413))
async def predict(request: Request, body: PredictRequest) -> Response:
    """Predict for 1 to 1,000 customers: probabilities, star, freshness and model versions."""
    service: PredictionService = request.app.state.service
    branches = caller(request).branches
    at = clock.now(service.lake.settings)
    if len(body.customer_ids) > MOST_AT_ONCE or body.explain:
        predictions = await to_thread.run_sync(
            service.answer, body, at, branches, limiter=large_requests()
        )
    elif service.is_local:
        # Handing a request to a thread costs more than answering it here (docs/adr/0014).
        predictions = service.answer(body, at, branches)
    else:
        predictions = await run_in_threadpool(service.answer, body, at, branches)
    # Serialised once by pydantic; FastAPI would validate the answer a second time.
    answer = predictions.model_dump_json()
    with span("write"):
        note(request, body.customer_ids)
    count_amount(PREDICTED, len(predictions.predictions))
    if predictions.degraded:
        count(labelled(DEGRADED, "predict"))
    return Response(answer, media_type="application/json")


@cache
def large_requests() -> CapacityLimiter:
    """Return the limiter of requests that compute for long; all endpoints share it."""
    return CapacityLimiter(MOST_LARGE)
