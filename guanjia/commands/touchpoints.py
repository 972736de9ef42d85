"""Touchpoints: the catalogue as it is for a branch and a stage, and who is due for which."""

from pathlib import Path
from typing import Annotated, Any

import typer

from guanjia.terminal.options import AsOf, Json, lake
from guanjia.terminal.output import emit, from_here, progress, table

CUSTOMERS_SHOWN = 20
Branch = Annotated[str | None, typer.Option("--branch", help="As it is for this branch.")]
Stage = Annotated[
    str | None, typer.Option("--stage", help="As it is at this stage: entry, stickiness or trust.")
]


def touchpoints(
    name: Annotated[str | None, typer.Argument(help="One touchpoint, in full.")] = None,
    branch: Branch = None,
    stage: Stage = None,
    out: Annotated[Path | None, typer.Option(help="Write all to a page here, as Markdown.")] = None,
    json: Json = False,
) -> None:
    """List the touchpoints, or show all of one.

    Purpose, trigger, channels and scripts.
    """
    from features.errors import GuanjiaError, unknown_name
    from serving.touchpoints.catalogue import STAGES, load_touchpoints
    from serving.touchpoints.fields import KINDS, STARTERS
    from serving.touchpoints.trigger_words import describe_trigger

    declared = load_touchpoints(lake().home)
    if stage is not None and stage not in STAGES:
        raise unknown_name("stage", stage, STAGES)
    if name is not None:
        one = declared.find(name, branch, stage)
        if one is None:
            where = " and ".join(part for part in (branch, stage) if part)
            raise GuanjiaError(f"touchpoint {name}", f"is left out for {where}", "ask for another")
        emit({"touchpoint": name, **one.model_dump(mode="json")}, json, *_said(declared, name, one))
        return
    if out is not None:
        from serving.touchpoints.document import render

        out.write_text(render("# Touchpoints 触点\n\n", declared), encoding="utf-8")
    there = declared.touchpoints_for(branch, stage)
    rows = [
        {
            "touchpoint": key,
            "label": one.label,
            "kind": KINDS[one.kind],
            "by": STARTERS[one.trigger.by],
            "channels": ", ".join(one.channels),
            "when": describe_trigger(one.trigger),
        }
        for key, one in there.items()
    ]
    payload = {key: one.model_dump(mode="json") for key, one in there.items()}
    cure = "One in full: guanjia touchpoints NAME. Who is due: guanjia triggers --as-of DATE"
    emit(payload, json, table(f"{len(rows)} touchpoints", rows), cure)


def triggers(
    as_of: AsOf,
    touchpoint: Annotated[
        str | None, typer.Option("--touchpoint", help="Show who is due for this one.")
    ] = None,
    json: Json = False,
) -> None:
    """Find who is due for which touchpoint the day after a date."""
    from serving.touchpoints.catalogue import load_touchpoints
    from serving.touchpoints.fields import KINDS, STARTERS
    from serving.touchpoints.triggers import find_due, first_due

    home = lake()
    if touchpoint is not None:
        load_touchpoints(home.home).find(touchpoint)
    with progress(json) as report:
        found = find_due(home, as_of, report)
    rows = [
        {
            "touchpoint": one.touchpoint,
            "label": one.label,
            "kind": KINDS[one.kind],
            "by": STARTERS[one.by],
            "customers": one.customers,
        }
        for one in found.counts
        if touchpoint in (None, one.touchpoint)
    ]
    title = f"Due after {as_of}: {found.due:,} contacts, {found.customers:,} customers looked at"
    shown: list[Any] = [table(title, rows)] if rows else [f"{title}; nobody is due"]
    payload: dict[str, Any] = {**vars(found)}
    if touchpoint is not None:
        first = first_due(home, as_of, touchpoint, CUSTOMERS_SHOWN)
        payload["first"] = first
        if first:
            cells = [{**row, "channels": ", ".join(row["channels"])} for row in first]
            shown.append(table(f"The first {len(first)}", cells))
    warnings = [f"Warning: {one}" for one in found.warnings]
    if found.contacts == "not recorded":
        warnings.append("Warning: contacts are not recorded, so none could be left out as made")
    last = f"Who is due: {from_here(found.path)}. Consent, caps and offers are decided per contact."
    emit(payload, json, *shown, *warnings, last)


def _said(declared: Any, name: str, one: Any) -> list[Any]:
    """All of one touchpoint, as a person reads it."""
    from features.tags.groups.life_cycle import STAGES
    from features.tags.relations.touchpoint_families import FAMILIES
    from serving.touchpoints.fields import KINDS, ROLES, SERVICE_LEVELS, STARTERS
    from serving.touchpoints.trigger_words import describe_trigger

    prices = ", ".join(f"{one_} {declared.cost(one, one_)} yuan" for one_ in one.channels)
    facts = {
        "family": f"{FAMILIES[one.family]} {one.family}",
        "loop": f"{STAGES[one.loop]} {one.loop}",
        "接触目的": f"{one.purpose.chinese}\n{one.purpose.english}",
        "经营导向": f"{one.orientation.chinese}\n{one.orientation.english}",
        "销售策略": f"{one.strategy.chinese}\n{one.strategy.english}",
        "kind": f"{KINDS[one.kind]}; consent: {one.consent}",
        "by": f"{STARTERS[one.trigger.by]}, {ROLES[one.role + '_steward']}",
        "when": describe_trigger(one.trigger),
        "condition": " ".join(one.trigger.condition.split()) or "everybody",
        "channels": prices,
        "models": ", ".join(one.models) or "none",
        "offers": ", ".join(declared.shared.offers[offer].label for offer in one.offers) or "none",
    }
    for rule in one.stars:
        told = f"{', '.join(rule.channels)}: {SERVICE_LEVELS[rule.service]}"
        facts[f"{rule.at_least} stars and more"] = told
    for channel in one.channels:
        script = declared.script(one, channel)
        facts[f"话术 {channel}"] = f"{script.chinese}\n{script.english}"
    rows = [{"what": what, "said": said} for what, said in facts.items()]
    return [table(f"{one.label} {one.english} ({name})", rows)]
