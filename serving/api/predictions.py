"""`POST /predict`: probabilities, stars and reasons of customers."""

from fastapi import Request
from fastapi.responses import Response

from serving.api.guard import caller, guarded, note
from serving.api.refusals import declared
from serving.predict import Door
from serving.schemas import PredictRequest, PredictResponse

router = guarded()


@router.post("/predict", response_model=PredictResponse, responses=declared(404, 413, 422, 503))
def predict(request: Request, body: PredictRequest) -> Response:
    """Probabilities, star, freshness and model versions of 1 to 1,000 customers."""
    door: Door = request.app.state.door
    # Serialised once by pydantic; FastAPI would validate the answer a second time.
    answer = door.answer(body, caller(request).branches).model_dump_json()
    note(request, body.customer_ids)
    return Response(answer, media_type="application/json")
