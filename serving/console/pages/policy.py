"""Show the policy, and ask what a change of it would be worth; no page writes a file of rules."""

from datetime import date
from typing import Annotated, Any

from fastapi import Depends, Query, Request
from fastapi.responses import RedirectResponse, Response

from features.contracts.vocabulary import CONTACT_CHANNEL_LABELS, NON_MOTOR_LABELS
from features.lake import Lake
from features.progress import Report
from features.settings import month_span
from serving.api.refusals import ForbiddenError
from serving.console.long_work import UNFINISHED, long_work
from serving.console.policy_form import (
    LABELS,
    Change,
    Rules,
    edited_rules,
    read_change,
    toml_lines,
)
from serving.console.render import show
from serving.console.route import caller_of, console_router, now_of
from serving.decision.capacity.settings import load_capacity
from serving.decision.silence import DRAWN, NOT_WORTH_IT, NOTHING_DUE
from serving.decision.worth.policy import load_policy
from serving.measurement.simulation.policy_simulation import simulate_policy
from serving.records.contacts.contact_caps import load_contact_caps
from serving.records.contacts.decisions import last_decided
from serving.records.database import LONG_SECONDS, Records

router = console_router()
SIMULATION = "simulation"
MOST_LISTED = 10
EDITABLE = tuple(name for name in LABELS if name not in ("holdout_cycle", "exploration_share"))
SILENCE = {
    "consent": ("客户未同意", "no consent"),
    "opted_out": ("客户已退订", "opted out"),
    "cooling_off": ("拒绝后冷静期", "cooling off"),
    "open_complaint": ("投诉未结", "open complaint"),
    "open_claim": ("赔案未结", "open claim"),
    "holdout": ("对照组", "holdout"),
    "campaign": ("活动分组", "arm of a campaign"),
    "reachable": ("联系不上", "not reachable"),
    "words": ("话术缺少内容", "the script lacks a value"),
    "content": ("话术未通过检查", "the text fails a check"),
    "prediction": ("没有预测", "no prediction"),
    NOTHING_DUE: ("没有到期的触点", "nothing is due"),
    NOT_WORTH_IT: ("不值得成本", "not worth its cost"),
    DRAWN: ("按抽签不联系", "drawn by lot"),
}
"""What silence rests on -> its name in two languages; rules of the caps have their own labels."""
FIGURES = {
    "decisions": ("决策次数", "decisions"),
    "marketing": ("营销触达", "marketing contacts"),
    "service": ("服务触达", "service contacts"),
    "expected_yuan": ("期望价值（元）", "expected value, yuan"),
    "silent_customers": ("未被营销触达的客户", "customers without marketing"),
}


async def read_form(request: Request) -> dict[str, str]:
    """Read the fields of a form whose names depend on the rules of the home."""
    return {name: str(value) for name, value in (await request.form()).items()}


@router.get("/console/policy")
def policy(
    request: Request, like: Annotated[str, Query(max_length=64, pattern="^[0-9a-f]*$")] = ""
) -> Response:
    """Show the policy of the home, and the form of a change, filled in as an earlier one was."""
    rules = _rules(request)
    work, question = long_work(request), {}
    everything = caller_of(request).branches is None
    may = everything and "reports:read" in caller_of(request).scopes
    if like and may:
        question = dict(work.read(like, SIMULATION).question)
    return show(
        request,
        "policy/policy.html",
        rules=rules,
        labels=LABELS,
        editable=EDITABLE,
        channels=CONTACT_CHANNEL_LABELS,
        lines=NON_MOTOR_LABELS,
        stale=rules.policy != request.app.state.decider.gatherer.policy,
        touchpoints=request.app.state.touchpoints.touchpoints_for(),
        change=Change.from_question(question, _default_month(request)),
        may=may,
        everything=everything,
        earlier=work.latest(SIMULATION, MOST_LISTED) if may else [],
    )


@router.post("/console/policy/simulations")
def simulate(request: Request, fields: Annotated[dict[str, str], Depends(read_form)]) -> Response:
    """Begin to simulate a change, and go to the page that shows how far it is."""
    _refuse_some_branches(request)
    served: Lake = request.app.state.service.lake
    known = request.app.state.touchpoints.touchpoints_for()
    rules = _rules(request)
    change = read_change(fields, rules, EDITABLE)
    edited = edited_rules(change, rules, known)
    begin, end = month_span(change.month, served.settings.timezone)

    def do(report: Report) -> Any:
        lake = Lake(served.settings, served.day)
        records = Records(served.settings, LONG_SECONDS)
        try:
            return simulate_policy(lake, records, edited, begin, end, report).document()
        finally:
            records.close()
            lake.con.close()

    work_id = long_work(request).begin(
        SIMULATION, caller_of(request).subject, change.document(), now_of(request), do
    )
    return RedirectResponse(f"/console/policy/simulations/{work_id}", 303)


@router.get("/console/policy/simulations/{work_id}")
def simulation(request: Request, work_id: str) -> Response:
    """Show how far a simulation is, or what came of it."""
    _refuse_some_branches(request)
    work = long_work(request).read(work_id, SIMULATION)
    change = Change.from_question(work.question, date.min)
    caps = {name: (rule.label, name) for name, rule in _rules(request).caps.rules.items()}
    response = show(
        request,
        "policy/simulation.html",
        work=work,
        change=change,
        lines=toml_lines(change),
        figures=FIGURES,
        silence={**caps, **SILENCE},
    )
    if work.state in UNFINISHED:
        response.headers["Refresh"] = "2"
    return response


def _rules(request: Request) -> Rules:
    home = request.app.state.service.lake.home
    return Rules(load_policy(home), load_contact_caps(home), load_capacity(home))


def _default_month(request: Request) -> date:
    """Return the month of the last decision; this month where there is none."""
    with request.app.state.records.reading() as connection:
        last = last_decided(connection)
    return (last or now_of(request)).date().replace(day=1)


def _refuse_some_branches(request: Request) -> None:
    """Refuse who sees some branches: what a change is worth is of the decisions of all."""
    if caller_of(request).branches is not None:
        cure = "ask somebody of the head office"
        chinese = "策略测算", "用的是全部机构的决策", "请总部同事操作"
        fault = "is of the decisions of all branches"
        raise ForbiddenError("a simulation", fault, cure, chinese=chinese)
