"""Show whether service pays: by class, star and branch, the adjusted effect beside the raw one."""

from fastapi import Request
from fastapi.responses import Response

from features.errors import GuanjiaError
from serving.api.marketing.service_effect import service_effect
from serving.console.render import show
from serving.console.route import console_router

router = console_router()
BREAKDOWN_LABELS = {"all": "全部", "class": "权益类别", "star": "星级", "branch": "机构"}
METHODS = {
    "lot": ("按抽签提醒", "reminders drawn by lot"),
    "observational": ("观察性比较", "observational"),
    "none": ("无法估计", "cannot be estimated"),
}
MARKS = {"pays": "good", "does_not_pay": "bad"}
VERDICTS = {
    "pays": ("划算", "pays"),
    "does_not_pay": ("不划算", "does not pay"),
    "too_small": ("看不清", "too small to say"),
    "too_early": ("为时过早", "too early"),
}


@router.get("/console/service-effect")
def page(request: Request) -> Response:
    """Show the latest report of `guanjia service-effect`."""
    try:
        report = service_effect(request)
    except GuanjiaError as error:
        return show(request, "reports/service_effect.html", report=None, fault=error)
    return show(
        request,
        "reports/service_effect.html",
        report=report,
        fault=None,
        breakdowns=BREAKDOWN_LABELS,
        methods=METHODS,
        marks=MARKS,
        verdicts=VERDICTS,
    )
