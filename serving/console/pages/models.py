"""Show the models: champion beside challenger, drift, promotions; promote and roll back."""

from typing import Annotated, Any, Literal

from fastapi import Form, Path, Request
from fastapi.responses import RedirectResponse, Response

from features.errors import unknown_name
from features.lake import Lake
from features.progress import Report
from features.tags.catalogue import catalogue
from serving.api.refusals import ForbiddenError
from serving.console.long_work import UNFINISHED, long_work
from serving.console.model_figures import contenders_of, latest_monitoring, version_tables
from serving.console.render import show
from serving.console.route import caller_of, console_router, now_of
from serving.schemas import NO_NUL
from training.evaluation.slices import ATTRIBUTES, PROTECTED_ATTRIBUTES
from training.model_spec import ModelSpec
from training.models import MODELS, find
from training.promotion.promote import history, promote, rollback
from training.promotion.verdicts import GATES
from training.registry.local_models import read_acts

router = console_router()
Name = Annotated[str, Path(max_length=64)]
Act = Literal["promote", "rollback"]
ALL_ATTRIBUTES = (*ATTRIBUTES, *PROTECTED_ATTRIBUTES)
ACTS = {"promote": ("上线", "promote"), "rollback": ("回退", "roll back")}


@router.get("/console/models")
def models(request: Request) -> Response:
    """List the models: which version serves since when, and what was watched last."""
    service = request.app.state.service
    watched = latest_monitoring(service.lake)
    return show(
        request,
        "models/all.html",
        confirmed=service.current.now.confirmed,
        watched=watched,
        models=[
            {
                "name": name,
                "spec": spec,
                "serves": service.current.number(name),
                "act": next(reversed(read_acts(service.lake, name)), None),
                "alerts": len(watched["models"][name]["alerts"])
                if watched and name in watched["models"]
                else None,
            }
            for name, spec in MODELS.items()
        ],
        acts=ACTS,
    )


@router.get("/console/models/{name}")
def model(request: Request, name: Name) -> Response:
    """Show a model: champion and challenger side by side, drift, and who promoted what."""
    spec = _spec(name)
    service = request.app.state.service
    lake: Lake = service.lake
    watched = latest_monitoring(lake)
    champion, challenger, away = contenders_of(lake, name)
    versions = [
        {"version": version, "role": role, "tables": version_tables(lake, name, version)}
        for version, role in ((champion, "champion"), (challenger, "challenger"))
        if version is not None and not (role == "challenger" and version == champion)
    ]
    return show(
        request,
        "models/model.html",
        name=name,
        spec=spec,
        serves=service.current.number(name),
        confirmed=service.current.now.confirmed and not away,
        champion=champion,
        challenger=challenger,
        versions=versions,
        watched=watched["models"].get(name) if watched else None,
        as_of=watched["as_of"] if watched else None,
        history=list(reversed(history(lake, name))),
        tags=catalogue(),
        attributes={attribute.name: attribute.chinese for attribute in ALL_ATTRIBUTES},
        acts=ACTS,
        may=_may(request),
    )


@router.get("/console/models/{name}/{act}")
def confirm(request: Request, name: Name, act: Act) -> Response:
    """Ask for the reason of a promotion or a roll-back, and say what follows from it.

    Parameters
    ----------
    request : Request
        The request.
    name : str
        The model.
    act : {"promote", "rollback"}
        What is to be done.
    """
    _refuse_some_branches(request)
    spec = _spec(name)
    lake: Lake = request.app.state.service.lake
    champion, challenger, away = contenders_of(lake, name)
    acts = history(lake, name)
    return show(
        request,
        "models/confirm.html",
        name=name,
        spec=spec,
        act=act,
        words=ACTS[act],
        champion=champion,
        challenger=challenger,
        before=next((past["replaced"] for past in reversed(acts) if past["replaced"]), None),
        away=away,
        seconds=lake.settings.model_refresh_seconds,
    )


@router.post("/console/models/{name}/{act}")
def carry_out(
    request: Request,
    name: Name,
    act: Act,
    why: Annotated[str, Form(min_length=1, max_length=500, pattern=NO_NUL)],
) -> Response:
    """Begin a promotion or a roll-back, as the command of the same name does it.

    Parameters
    ----------
    request : Request
        The request.
    name : str
        The model.
    act : {"promote", "rollback"}
        What is done.
    why : str
        The reason; recorded with who asks for it.
    """
    _refuse_some_branches(request)
    _spec(name)
    served: Lake = request.app.state.service.lake
    current = request.app.state.service.current
    who, when = caller_of(request).subject, now_of(request)

    def do(report: Report) -> Any:
        lake = Lake(served.settings, served.day)
        try:
            decision = (
                promote(lake, name, who=who, why=why, when=when, report=report)
                if act == "promote"
                else rollback(lake, name, who=who, why=why, when=when)
            )
        finally:
            lake.con.close()
        # The other workers of the service take it up in their next round.
        current.refresh()
        return {
            "version": decision.version,
            "replaced": decision.replaced,
            "done": decision.done,
            "already": decision.already,
            "verdicts": decision.verdicts,
        }

    question = {"model": name, "act": act, "why": why}
    work_id = long_work(request).begin("promotion", who, question, when, do)
    return RedirectResponse(f"/console/model-acts/{work_id}", 303)


@router.get("/console/model-acts/{work_id}")
def model_act(request: Request, work_id: str) -> Response:
    """Show how far a promotion or a roll-back is, or what its gates said."""
    work = long_work(request).read(work_id, "promotion")
    name = str(work.question["model"])
    service = request.app.state.service
    response = show(
        request,
        "models/act.html",
        work=work,
        name=name,
        spec=find(name),
        words=ACTS[work.question["act"]],
        gates=GATES,
        serves=service.current.number(name),
    )
    if work.state in UNFINISHED:
        response.headers["Refresh"] = "2"
    return response


def _spec(name: str) -> ModelSpec:
    """Look up a model; one that is not declared is a page that does not exist."""
    if name not in MODELS:
        raise unknown_name("model", name, MODELS)
    return find(name)


def _may(request: Request) -> bool:
    """Check whether the user may promote: a model answers for the customers of all branches."""
    caller = caller_of(request)
    return "models:promote" in caller.scopes and caller.branches is None


def _refuse_some_branches(request: Request) -> None:
    if not _may(request):
        cure = "ask a data scientist of the head office"
        chinese = "模型", "服务于全部机构的客户", "请总部的数据科学同事操作"
        fault = "answers for the customers of all branches"
        raise ForbiddenError("a model", fault, cure, chinese=chinese)
