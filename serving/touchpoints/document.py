"""Write the catalogue as a page: `python -m serving.touchpoints.document docs/touchpoints.md`.

Only the part of the page between the two marks is generated.
"""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from features.markdown import list_item
from features.tags.groups.life_cycle import STAGES
from features.tags.relations.touchpoint_families import FAMILIES
from serving.touchpoints.catalogue import Catalogue, shipped_touchpoints
from serving.touchpoints.fields import KINDS, ROLES, SERVICE_LEVELS, STARTERS, Touchpoint
from serving.touchpoints.scripts import ScriptTemplate, Variable
from serving.touchpoints.shared_fields import DecisionPoint
from serving.touchpoints.trigger_words import describe_trigger

BEGIN = (
    "<!-- From serving/touchpoints/touchpoints.toml by `make docs`; a test holds it current. -->"
)
END = "<!-- End of the generated part. -->"


def render(page: str, catalogue: Catalogue | None = None) -> str:
    """Replace what stands between the marks of a page by a catalogue; default: the shipped one."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return "\n\n".join([before + BEGIN, *_parts(catalogue or shipped_touchpoints()), END + after])


def _parts(catalogue: Catalogue) -> Iterator[str]:
    touchpoints = catalogue.touchpoints_for()
    yield f"{len(touchpoints)} touchpoints are declared."
    for family, label in FAMILIES.items():
        yield f"### {label} {family}"
        for name, touchpoint in touchpoints.items():
            if touchpoint.family == family:
                yield _section(catalogue, name, touchpoint)
    shared = catalogue.shared
    yield "### Decision points 决策点"
    yield _list(
        f"`{name}` {point.label} {point.english}. {_place(point)}"
        f"Candidates: {_candidates(catalogue, name)}."
        for name, point in shared.decision_points.items()
    )
    yield "### Offers 权益与礼遇"
    yield _table(
        ("offer", "name", "class", "clause", "cost, yuan", "redeemed"),
        (
            (f"`{name}`", f"{offer.label} {offer.english}", offer.service_class or offer.kind,
             offer.clause or "outside the contract: carried nowhere", str(offer.cost),
             f"{offer.redeem_probability:.0%}")
            for name, offer in shared.offers.items()
        ),
    )  # fmt: skip
    yield "### Variables of scripts 话术变量"
    yield _list(
        f"`{{{name}}}` {variable.label}, from "
        f"{f'tag `{variable.tag}`' if variable.tag else variable.source or 'the caller'}; "
        f"without it: {_without(variable)}."
        for name, variable in shared.variables.items()
    )
    yield "### Holidays 节日"
    yield _table(
        ("holiday", "days"),
        (
            (f"{holiday.label} {holiday.english}", ", ".join(map(str, holiday.days)))
            for holiday in shared.holidays.values()
        ),
    )


def _section(catalogue: Catalogue, name: str, touchpoint: Touchpoint) -> str:
    trigger = touchpoint.trigger
    condition = " ".join(trigger.condition.split())
    costs = ", ".join(
        f"{channel} {catalogue.cost(touchpoint, channel)}" for channel in touchpoint.channels
    )
    rules = sorted(touchpoint.stars, key=lambda rule: -rule.at_least)
    stars = [
        f" {rule.at_least} stars and more: {', '.join(rule.channels)}, "
        f"{SERVICE_LEVELS[rule.service]}."
        for rule in rules
    ]
    profile = "uses the profile" if touchpoint.uses_profile else "does not use the profile"
    kind, role, loop = touchpoint.kind, f"{touchpoint.role}_steward", touchpoint.loop
    facts = [
        f"{touchpoint.english}. {KINDS[kind]} {kind}, {STARTERS[trigger.by]} by a {trigger.by}, "
        f"{ROLES[role]}; {STAGES[loop]} {loop}.",
        f"接触目的：{touchpoint.purpose.chinese} {touchpoint.purpose.english}",
        f"经营导向：{touchpoint.orientation.chinese} {touchpoint.orientation.english}",
        f"销售策略：{touchpoint.strategy.chinese} {touchpoint.strategy.english}",
        f"Due: {describe_trigger(trigger)}" + (f"; if `{condition}`" if condition else "") + ".",
        f"Channels, yuan: {costs}.{''.join(stars)}",
        f"Consent: {touchpoint.consent}; {profile}.",
    ]
    if touchpoint.models:
        facts.append(f"Models: {', '.join(touchpoint.models)}.")
    if touchpoint.returns:
        facts.append(f"Worth: of lapsed customers {touchpoint.returns:.0%} come back.")
    if touchpoint.worth:
        facts.append(f"Worth: {touchpoint.worth} yuan a contact.")
    if touchpoint.offers:
        labels = (catalogue.shared.offers[offer].label for offer in touchpoint.offers)
        facts.append(f"Offers: {', '.join(labels)}.")
    for channel, scripts in touchpoint.script.items():
        facts += [f"话术 {channel}：{_both_languages(script)}" for script in scripts]
    for (stage, branch), variant in catalogue.variants[name].items():
        if stage or branch:
            places = (("stage", stage), ("branch", branch))
            where = " and ".join(f"{level} {place}" for level, place in places if place)
            facts.append(f"At {where}: {_difference(touchpoint, variant)}.")
    return f"#### `{name}` {touchpoint.label}\n\n{_list(facts)}"


def _both_languages(script: ScriptTemplate) -> str:
    """Write a script in both languages; of a card also its title and button."""
    languages = [
        [getattr(part, language) for part in script.parts] for language in ("chinese", "english")
    ]
    return " / ".join(" | ".join(parts) for parts in languages)


def _without(variable: Variable) -> str:
    """Say what happens where a variable is not known."""
    fallback = variable.fallback
    return f"{fallback.chinese}; {fallback.english}" if fallback else "the script is not used"


def _difference(touchpoint: Touchpoint, variant: Touchpoint | None) -> str:
    """Name the fields in which a variant differs."""
    if variant is None:
        return "left out"
    changed = [
        name
        for name in Touchpoint.model_fields
        if getattr(touchpoint, name) != getattr(variant, name)
    ]
    return f"other {', '.join(changed)}" if changed else "the same"


def _place(point: DecisionPoint) -> str:
    """Say by what channels we speak at a decision point."""
    if not point.channels:
        return ""
    came = "the customer came to us, " if point.inbound else ""
    return f"{came}by {', '.join(point.channels)}. ".capitalize()


def _candidates(catalogue: Catalogue, name: str) -> str:
    if catalogue.shared.decision_points[name].touchpoints == "all":
        return "all"
    return ", ".join(f"`{touchpoint}`" for touchpoint in catalogue.candidates_at(name))


def _list(entries: Iterable[str]) -> str:
    return "\n".join(map(list_item, entries))


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    heads = list(heads)
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.write_text(render(target.read_text(encoding="utf-8")), encoding="utf-8")
