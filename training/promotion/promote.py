"""Who serves: a challenger that passes every gate, or, after a rollback, the champion before.

An act is written to the registry before the alias moves, as begun, and afterwards as done; whoever
is killed in between has the next promotion or rollback finish it. The journal of the home follows.
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
from training.promotion.gates import Verdict, judge
from training.promotion.integrity import integrity
from training.registry import local_models
from training.registry import versions as registry
from training.registry.champions import fetch
from training.registry.mlflow_client import RegistryAwayError
from training.registry.versions import Version

BEGUN, DONE = "begun", "done"


@dataclass(frozen=True)
class Decision:
    """What a promotion or a rollback came to.

    Attributes
    ----------
    model, label : str
    act : "promote" or "rollback"
    version : str
        The version the act is about.
    replaced : str or None
        The champion before.
    done : bool
        Whether `version` serves now.
    already : bool
        Whether it did before, so that nothing was to be done.
    verdicts : list of Verdict
        Of the gates, in their order.
    comparison : Comparison or None
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
    who, why : str
        Recorded with the act.
    when : datetime.datetime
        The time it is, with its zone.
    known_by : datetime.date, optional
        As of `compare_versions`.

    Raises
    ------
    GuanjiaError
        If there is no challenger, nobody or no reason is named, or the registry does not answer.
    """
    _signed(who, why)
    spec = find(model)
    _finish(lake, model)
    champion, challenger = contenders(lake, model)
    before = champion.version if champion else None
    if before == challenger.version:
        local_models.point(lake, model, fetch(lake, model, before).name)
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
    verdicts = integrity(lake, spec, challenger)
    comparison = None
    # A bundle that does not hold together is not loaded here.
    if all(one.passed for one in verdicts):
        with threadpool_limits(1, user_api="blas"):
            comparison = compare_versions(lake, spec, champion, challenger, known_by, report)
        verdicts += judge(spec.gates, comparison)
    passed = all(one.passed for one in verdicts)
    evidence = {
        "gates": asdict(spec.gates),
        "verdicts": [asdict(one) for one in verdicts],
        "comparison": jsonable(comparison),
    }
    if passed:
        act = _act(lake, model, "promote", challenger.version, before, who, why, when)
        _carry_out(lake, act, challenger, evidence)
    else:
        failed = ", ".join(one.gate for one in verdicts if not one.passed)
        document = f"promotion/refused-{when:%Y%m%dT%H%M%S}.json"
        registry.attach(lake, challenger, {"gates": f"failed: {failed}"}, document, evidence)
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
    lake: Lake,
    model: str,
    *,
    who: str,
    why: str,
    when: datetime,
    to: str | None = None,
) -> Decision:
    """Make the champion before champion again; a second time it changes nothing.

    Parameters
    ----------
    to : str, optional
        Another version, which must have been champion.

    Raises
    ------
    GuanjiaError
        If there is no champion before, or its bundle does not load any more.
    """
    _signed(who, why)
    spec = find(model)
    _finish(lake, model)
    acts = registry.read_acts(lake, model)
    current = registry.named(lake, model, registry.CHAMPION)
    if not acts or current is None:
        cure = f"run `guanjia promote {model} --who NAME --why TEXT`"
        raise GuanjiaError(f"model {model}", "was never promoted", cure)
    target = _target(model, acts, current, to)
    if target == current:
        local_models.point(lake, model, fetch(lake, model, current).name)
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
    version = registry.read_version(lake, model, target)
    verdicts = integrity(lake, spec, version, served=True)
    passed = all(one.passed for one in verdicts)
    if passed:
        act = _act(lake, model, "rollback", target, current, who, why, when)
        _carry_out(lake, act, version, {"verdicts": [asdict(one) for one in verdicts]})
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
    """Promotions and rollbacks of a model, oldest first: the registry's, or the home's if away."""
    find(model)
    try:
        return [one for one in registry.read_acts(lake, model) if one["state"] == DONE]
    except RegistryAwayError:
        return local_models.noted(lake, model)


def _target(model: str, acts: list[dict[str, Any]], current: str, to: str | None) -> str:
    """Where a rollback goes."""
    if to is not None:
        served = {one["version"] for one in acts} | {one["replaced"] for one in acts}
        if to not in served - {None}:
            raise GuanjiaError(
                f"version {to} of {model}",
                "was never champion",
                f"use one of {sorted(served - {None}, key=int)}, or `guanjia promote`",
            )
        return to
    last = acts[-1]
    if last["act"] == "rollback" and last["version"] == current:
        return current
    if last["replaced"] is None:
        cure = "promote another version; a model without a champion is not served at all"
        raise GuanjiaError(f"version {current} of {model}", "is the first champion", cure)
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
    """The next act, begun."""
    acts = registry.read_acts(lake, model)
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
    """Write down the evidence, then the act, then let it happen."""
    document = f"promotion/act-{act['number']:05d}.json"
    tags = {"gate " + one["gate"]: one["said"] for one in evidence["verdicts"]}
    tags |= {"gates": "passed", **{name: act[name] for name in ("act", "who", "why", "when")}}
    registry.attach(lake, version, tags, document, {"act": act, **evidence})
    registry.write_act(lake, act["model"], {**act, "evidence": document})
    _finish(lake, act["model"])


def _finish(lake: Lake, model: str) -> None:
    """Carry out the act that was begun last, and bring the home's journal up to date."""
    acts = registry.read_acts(lake, model)
    if acts and acts[-1]["state"] == BEGUN:
        last = acts[-1]
        folder = fetch(lake, model, last["version"])
        registry.move(lake, model, last["version"])
        acts[-1] = {**last, "state": DONE}
        registry.write_act(lake, model, acts[-1])
        local_models.point(lake, model, folder.name)
    for act in acts:
        local_models.note(lake, model, act)


def _signed(who: str, why: str) -> None:
    for name, text in (("--who", who), ("--why", why)):
        if not text.strip():
            raise GuanjiaError(name, "is empty", "say who decides this, and why")
