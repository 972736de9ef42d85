"""`POST /predict`."""

from fastapi import Request
from fastapi.responses import Response

from serving.api.access import caller_of, resource
from serving.api.audit import note_reading
from serving.api.refusals import refusals
from serving.predict import Door
from serving.schemas import PredictRequest, PredictResponse

routes = resource("predict", "predictions")


@routes.post("/predict", response_model=PredictResponse, responses=refusals(404))
def predict(request: Request, body: PredictRequest) -> Response:
    """Probabilities, star, freshness and model versions of 1 to 1,000 customers."""
    door: Door = request.app.state.door
    answer = door.answer(body, caller_of(request).branches)
    note_reading(request, body.customer_ids, "prediction")
    # Serialised once by pydantic; FastAPI would validate the answer a second time.
    return Response(answer.model_dump_json(), media_type="application/json")
