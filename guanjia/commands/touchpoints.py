"""Commands to list touchpoints for a branch and a stage, and to find who is due for them."""

from pathlib import Path
from typing import Annotated, Any

import typer

from guanjia.terminal.options import AsOf, Json, open_lake, open_records
from guanjia.terminal.output import emit, progress, short_path, table

CUSTOMERS_SHOWN = 20
STAGE = "As it is at this stage: entry, stickiness or trust."


def touchpoints(
    name: Annotated[str | None, typer.Argument(help="One touchpoint, in full.")] = None,
    branch: Annotated[
        str | None, typer.Option("--branch", help="As it is for this branch.")
    ] = None,
    stage: Annotated[str | None, typer.Option("--stage", help=STAGE)] = None,
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

    declared = load_touchpoints(open_lake().home)
    if stage is not None and stage not in STAGES:
        raise unknown_name("stage", stage, STAGES)
    if name is not None:
        touchpoint = declared.find(name, branch, stage)
        if touchpoint is None:
            scope = " and ".join(part for part in (branch, stage) if part)
            raise GuanjiaError(f"touchpoint {name}", f"is left out for {scope}", "ask for another")
        payload = {"touchpoint": name, **touchpoint.model_dump(mode="json")}
        emit(payload, json, *_show_touchpoint(declared, name, touchpoint))
        return
    if out is not None:
        from serving.touchpoints.document import render

        out.write_text(render("# Touchpoints 触点\n\n", declared), encoding="utf-8")
    there = declared.touchpoints_for(branch, stage)
    rows = [
        {
            "touchpoint": key,
            "label": touchpoint.label,
            "kind": KINDS[touchpoint.kind],
            "by": STARTERS[touchpoint.trigger.by],
            "channels": ", ".join(touchpoint.channels),
            "when": describe_trigger(touchpoint.trigger),
        }
        for key, touchpoint in there.items()
    ]
    payload = {key: touchpoint.model_dump(mode="json") for key, touchpoint in there.items()}
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
    from serving.records.contacts.made_contacts import recorded_by
    from serving.touchpoints.catalogue import load_touchpoints
    from serving.touchpoints.fields import KINDS, STARTERS
    from serving.touchpoints.triggers import find_due, first_due

    lake = open_lake()
    if touchpoint is not None:
        load_touchpoints(lake.home).find(touchpoint)
    with open_records(lake) as records:
        recorded = recorded_by(records, lake, as_of)
    with progress(json) as report:
        day = find_due(lake, as_of, report, recorded)
    rows = [
        {
            "touchpoint": count.touchpoint,
            "label": count.label,
            "kind": KINDS[count.kind],
            "by": STARTERS[count.by],
            "customers": count.customers,
        }
        for count in day.counts
        if touchpoint in (None, count.touchpoint)
    ]
    title = f"Due after {as_of}: {day.due:,} contacts, {day.customers:,} customers looked at"
    shown: list[Any] = [table(title, rows)] if rows else [f"{title}; nobody is due"]
    payload: dict[str, Any] = {**vars(day)}
    if touchpoint is not None:
        first = first_due(lake, as_of, touchpoint, CUSTOMERS_SHOWN)
        payload["first"] = first
        if first:
            cells = [{**row, "channels": ", ".join(row["channels"])} for row in first]
            shown.append(table(f"The first {len(first)}", cells))
    warnings = [f"Warning: {warning.english}" for warning in day.warnings]
    if day.contacts == "not recorded":
        warnings.append("Warning: contacts are not recorded, so none could be left out as made")
    last = f"Who is due: {short_path(day.path)}. Consent, caps and offers are decided per contact."
    emit(payload, json, *shown, *warnings, last)


def _show_touchpoint(declared: Any, name: str, touchpoint: Any) -> list[Any]:
    """Show all fields of one touchpoint."""
    from features.tags.groups.life_cycle import STAGES
    from features.tags.relations.touchpoint_families import FAMILIES
    from serving.touchpoints.fields import KINDS, ROLES, SERVICE_LEVELS, STARTERS
    from serving.touchpoints.trigger_words import describe_trigger

    prices = ", ".join(
        f"{channel} {declared.cost(touchpoint, channel)} yuan" for channel in touchpoint.channels
    )
    facts = {
        "family": f"{FAMILIES[touchpoint.family]} {touchpoint.family}",
        "loop": f"{STAGES[touchpoint.loop]} {touchpoint.loop}",
        "接触目的": f"{touchpoint.purpose.chinese}\n{touchpoint.purpose.english}",
        "经营导向": f"{touchpoint.orientation.chinese}\n{touchpoint.orientation.english}",
        "销售策略": f"{touchpoint.strategy.chinese}\n{touchpoint.strategy.english}",
        "kind": f"{KINDS[touchpoint.kind]}; consent: {touchpoint.consent}",
        "by": f"{STARTERS[touchpoint.trigger.by]}, {ROLES[touchpoint.role + '_steward']}",
        "when": describe_trigger(touchpoint.trigger),
        "condition": " ".join(touchpoint.trigger.condition.split()) or "everybody",
        "channels": prices,
        "models": ", ".join(touchpoint.models) or "none",
        "offers": ", ".join(declared.shared.offers[offer].label for offer in touchpoint.offers)
        or "none",
    }
    for rule in touchpoint.stars:
        service = f"{', '.join(rule.channels)}: {SERVICE_LEVELS[rule.service]}"
        facts[f"{rule.at_least} stars and more"] = service
    for channel in touchpoint.channels:
        scripts = declared.scripts(touchpoint, channel)
        facts[f"话术 {channel}"] = "\n".join(
            f"{part.chinese}\n{part.english}" for script in scripts for part in script.parts
        )
    rows = [{"what": what, "said": words} for what, words in facts.items()]
    return [table(f"{touchpoint.label} {touchpoint.english} ({name})", rows)]
