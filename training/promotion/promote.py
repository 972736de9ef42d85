"""Promote a challenger that passes every gate, or roll back to the champion before.

An act is written to the registry as begun before the alias moves, and as done afterwards; if the
process is killed in between, the next promotion or rollback finishes it. The journal of the home
follows.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, Literal

from threadpoolctl import threadpool_limits

from features.errors import GuanjiaError
from features.jsonable import jsonable
from features.lake import Lake
from features.progress import Report, quiet
from training.models import find
from training.promotion.comparison import Comparison, compare_versions, contenders
from training.promotion.gates import judge
from training.promotion.integrity import check_integrity
from training.promotion.verdicts import Verdict
from training.registry import local_models, versions
from training.registry.champions import fetch
from training.registry.mlflow_client import RegistryAwayError
from training.registry.versions import Version

BEGUN, DONE = "begun", "done"


@dataclass(frozen=True)
class Decision:
    """Outcome of a promotion or a rollback.

    Attributes
    ----------
    model, label : str
        Name and Chinese label.
    act : "promote" or "rollback"
        What was to be done.
    version : str
        The version to serve.
    replaced : str or None
        The champion before.
    done : bool
        True if `version` serves now.
    already : bool
        True if it served before, so that nothing was done.
    verdicts : list of Verdict
        Verdicts of the gates, in order.
    comparison : Comparison or None
        None if the challenger was not compared.
    """

    model: str
    label: str
    act: Literal["promote", "rollback"]
    version: str
    replaced: str | None
    done: bool
    already: bool
    verdicts: list[Verdict]
    comparison: Comparison | None


def promote(
    lake: Lake,
    model: str,
    *,
    who: str,
    why: str,
    when: datetime,
    known_by: date | None = None,
    report: Report = quiet,
) -> Decision:
    """Make the challenger champion if every gate of its declaration holds.

    Parameters
    ----------
    lake : Lake
        Home with checked tables and the registry.
    model : str
        Name of the model.
    who, why : str
        Who decides this, and why; recorded with the act.
    when : datetime.datetime
        The time now, with time zone.
    known_by : datetime.date, optional
        Outcomes recorded later are not used; default: see `compare_versions`.
    report : Report
        Called with progress.

    Raises
    ------
    GuanjiaError
        If there is no challenger, `who` or `why` is empty, or the registry does not answer.
    """
    _check_signed(who, why)
    spec = find(model)
    _finish(lake, model)
    champion, challenger = contenders(lake, model)
    before = champion.version if champion else None
    if before == challenger.version:
        local_models.set_champion(lake, model, fetch(lake, model, before).name)
        return Decision(
            model=model,
            label=spec.label,
            act="promote",
            version=before,
            replaced=None,
            done=True,
            already=True,
            verdicts=[],
            comparison=None,
        )
    verdicts = check_integrity(lake, spec, challenger)
    comparison = None
    # A bundle that is not intact must not be loaded into this process.
    if all(verdict.passed for verdict in verdicts):
        with threadpool_limits(1, user_api="blas"):
            comparison = compare_versions(lake, spec, champion, challenger, known_by, report)
        verdicts += judge(spec.gates, comparison)
    passed = all(verdict.passed for verdict in verdicts)
    evidence = {
        "gates": asdict(spec.gates),
        "verdicts": [asdict(verdict) for verdict in verdicts],
        "comparison": jsonable(comparison),
    }
    if passed:
        act = _act(lake, model, "promote", challenger.version, before, who, why, when)
        _carry_out(lake, act, challenger, evidence)
    else:
        failed = ", ".join(verdict.gate for verdict in verdicts if not verdict.passed)
        document = f"promotion/refused-{when:%Y%m%dT%H%M%S}.json"
        versions.attach_evidence(
            lake, challenger, {"gates": f"failed: {failed}"}, document, evidence
        )
    return Decision(
        model=model,
        label=spec.label,
        act="promote",
        version=challenger.version,
        replaced=before,
        done=passed,
        already=False,
        verdicts=verdicts,
        comparison=comparison,
    )


def rollback(
    lake: Lake, model: str, *, who: str, why: str, when: datetime, to: str | None = None
) -> Decision:
    """Make the champion before champion again; a second call changes nothing.

    Parameters
    ----------
    lake : Lake
        Home with the registry.
    model : str
        Name of the model.
    who, why : str
        Who decides this, and why; recorded with the act.
    when : datetime.datetime
        The time now, with time zone.
    to : str, optional
        Version to roll back to, which must have been champion; default: the one before.

    Raises
    ------
    GuanjiaError
        If there was no champion before, or `to` was never champion, `who` or `why` is empty, or
        the registry does not answer.
    """
    _check_signed(who, why)
    spec = find(model)
    _finish(lake, model)
    acts = versions.read_acts(lake, model)
    current = versions.version_by_alias(lake, model, versions.CHAMPION)
    if not acts or current is None:
        cure = f"run `guanjia promote {model} --who NAME --why TEXT`"
        chinese = f"模型 {model}", "从未上线过", "请先上线一个版本"
        raise GuanjiaError(f"model {model}", "was never promoted", cure, chinese=chinese)
    target = _target(model, acts, current, to)
    if target == current:
        local_models.set_champion(lake, model, fetch(lake, model, current).name)
        return Decision(
            model=model,
            label=spec.label,
            act="rollback",
            version=current,
            replaced=None,
            done=True,
            already=True,
            verdicts=[],
            comparison=None,
        )
    version = versions.read_version(lake, model, target)
    verdicts = check_integrity(lake, spec, version, served=True)
    passed = all(verdict.passed for verdict in verdicts)
    if passed:
        act = _act(lake, model, "rollback", target, current, who, why, when)
        _carry_out(lake, act, version, {"verdicts": [asdict(verdict) for verdict in verdicts]})
    return Decision(
        model=model,
        label=spec.label,
        act="rollback",
        version=target,
        replaced=current,
        done=passed,
        already=False,
        verdicts=verdicts,
        comparison=None,
    )


def history(lake: Lake, model: str) -> list[dict[str, Any]]:
    """List promotions and rollbacks, oldest first; from the home if the registry is away."""
    find(model)
    try:
        return [act for act in versions.read_acts(lake, model) if act["state"] == DONE]
    except RegistryAwayError:
        return local_models.read_acts(lake, model)


def _target(model: str, acts: list[dict[str, Any]], current: str, to: str | None) -> str:
    """Choose the version that a rollback goes to."""
    if to is not None:
        served = {act["version"] for act in acts} | {act["replaced"] for act in acts}
        if to not in served - {None}:
            raise GuanjiaError(
                f"version {to} of {model}",
                "was never champion",
                f"use one of {sorted(served - {None}, key=int)}, or `guanjia promote`",
                chinese=(f"模型 {model} 第 {to} 版", "从未上线过", "请选上线过的版本"),
            )
        return to
    last = acts[-1]
    if last["act"] == "rollback" and last["version"] == current:
        return current
    if last["replaced"] is None:
        cure = "promote another version; a model without a champion is not served at all"
        chinese = (
            f"模型 {model} 第 {current} 版",
            "是第一个上线的版本，没有更早的可以退回",
            "请改为上线别的版本",
        )
        raise GuanjiaError(
            f"version {current} of {model}", "is the first champion", cure, chinese=chinese
        )
    return str(last["replaced"])


def _act(
    lake: Lake,
    model: str,
    act: str,
    version: str,
    replaced: str | None,
    who: str,
    why: str,
    when: datetime,
) -> dict[str, Any]:
    """Make the next act, as begun."""
    acts = versions.read_acts(lake, model)
    return {
        "number": acts[-1]["number"] + 1 if acts else 1,
        "act": act,
        "model": model,
        "version": version,
        "replaced": replaced,
        "who": who.strip(),
        "why": why.strip(),
        "when": when.isoformat(timespec="seconds"),
        "state": BEGUN,
    }


def _carry_out(
    lake: Lake, act: dict[str, Any], version: Version, evidence: Mapping[str, Any]
) -> None:
    """Record the evidence, then the act, then carry it out."""
    document = f"promotion/act-{act['number']:05d}.json"
    tags = {"gate " + row["gate"]: row["sentence"] for row in evidence["verdicts"]}
    tags |= {"gates": "passed", **{name: act[name] for name in ("act", "who", "why", "when")}}
    versions.attach_evidence(lake, version, tags, document, {"act": act, **evidence})
    versions.write_act(lake, act["model"], {**act, "evidence": document})
    _finish(lake, act["model"])


def _finish(lake: Lake, model: str) -> None:
    """Finish the act that was begun last, and bring the journal of the home up to date."""
    acts = versions.read_acts(lake, model)
    if acts and acts[-1]["state"] == BEGUN:
        last = acts[-1]
        folder = fetch(lake, model, last["version"])
        versions.set_champion(lake, model, last["version"])
        acts[-1] = {**last, "state": DONE}
        versions.write_act(lake, model, acts[-1])
        local_models.set_champion(lake, model, folder.name)
    for act in acts:
        local_models.append_act(lake, model, act)


def _check_signed(who: str, why: str) -> None:
    for name, text in (("--who", who), ("--why", why)):
        if not text.strip():
            chinese = "决定人与原因", "没有写全", "请写明由谁决定、为什么"
            raise GuanjiaError(name, "is empty", "say who decides this, and why", chinese=chinese)
