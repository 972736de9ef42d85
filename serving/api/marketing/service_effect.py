"""`GET /v1/service-effect`: whether service pays, as `guanjia service-effect` published it."""

from datetime import date
from typing import Annotated

from fastapi import Query, Request

from serving.api.guard import caller, guarded
from serving.api.refusals import refusal_schemas
from serving.measurement.service_figures import ServiceReport
from serving.measurement.service_file import read_service
from serving.predictions.service import PredictionService

router = guarded()


@router.get("/v1/service-effect", response_model=ServiceReport, responses=refusal_schemas(404, 422))
def service_effect(
    request: Request,
    as_of: Annotated[
        date | None, Query(description="Date of the report. Default: the latest. 报告日期")
    ] = None,
) -> ServiceReport:
    """Read whether the use of entitlements pays, by class, star and branch.

    A caller of some branches gets the groups of these branches alone.

    \f
    Parameters
    ----------
    request : Request
        The request.
    as_of : date, optional
        Date of the report.
    """
    service: PredictionService = request.app.state.service
    return read_service(service.lake.home, as_of, caller(request).branches)
