"""The catalogue as a page: `python -m serving.touchpoints.document docs/touchpoints.md`.

The page is written by people but for what stands between the two marks.
"""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from features.tags.groups.life_cycle import STAGES
from features.tags.relations.touchpoint_families import FAMILIES
from serving.touchpoints.catalogue import Catalogue, shipped_touchpoints
from serving.touchpoints.fields import KINDS, ROLES, SERVICE_LEVELS, STARTERS, Touchpoint
from serving.touchpoints.trigger_words import when

BEGIN = (
    "<!-- From serving/touchpoints/touchpoints.toml by `make docs`; a test holds it current. -->"
)
END = "<!-- End of the generated part. -->"


def render(page: str, catalogue: Catalogue | None = None) -> str:
    """The page with a catalogue, the shipped one unless another is given, between its marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return "\n\n".join([before + BEGIN, *_parts(catalogue or shipped_touchpoints()), END + after])


def _parts(catalogue: Catalogue) -> Iterator[str]:
    there = catalogue.of()
    yield f"{len(there)} touchpoints are declared."
    for family, label in FAMILIES.items():
        yield f"### {label} {family}"
        for name, one in there.items():
            if one.family == family:
                yield _one(catalogue, name, one)
    shared = catalogue.shared
    yield "### Decision points 决策点"
    yield _table(
        ("decision point", "name", "candidates"),
        (
            (f"`{name}`", f"{one.label} {one.english}", _candidates(catalogue, name))
            for name, one in shared.decision_points.items()
        ),
    )
    yield "### Offers 权益与礼遇"
    yield _table(
        ("offer", "name", "class", "clause", "cost, yuan", "redeemed"),
        (
            (f"`{name}`", f"{one.label} {one.english}", one.service_class or one.kind,
             one.clause or "outside the contract: carried nowhere", str(one.cost),
             f"{one.redeem_probability:.0%}")
            for name, one in shared.offers.items()
        ),
    )  # fmt: skip
    yield "### Variables of scripts 话术变量"
    yield _table(
        ("variable", "label", "from", "without it"),
        (
            (f"`{{{name}}}`", one.label, f"tag `{one.tag}`" if one.tag else "who asks",
             f"{one.fallback.chinese}; {one.fallback.english}")
            for name, one in shared.variables.items()
        ),
    )  # fmt: skip
    yield "### Holidays 节日"
    yield _table(
        ("holiday", "days"),
        (
            (f"{one.label} {one.english}", ", ".join(map(str, one.days)))
            for one in shared.holidays.values()
        ),
    )


def _one(catalogue: Catalogue, name: str, one: Touchpoint) -> str:
    trigger = one.trigger
    condition = " ".join(trigger.condition.split())
    costs = ", ".join(f"{channel} {catalogue.cost(one, channel)}" for channel in one.channels)
    rules = sorted(one.stars, key=lambda rule: -rule.at_least)
    stars = [
        f" {rule.at_least} stars and more: {', '.join(rule.channels)}, "
        f"{SERVICE_LEVELS[rule.service]}."
        for rule in rules
    ]
    profile = "uses the profile" if one.uses_profile else "does not use the profile"
    lines = [
        f"#### `{name}` {one.label}",
        "",
        f"{one.english}. {KINDS[one.kind]} {one.kind}, {STARTERS[trigger.by]} by a {trigger.by}, "
        f"{ROLES[f'{one.role}_steward']}; {STAGES[one.loop]} {one.loop}.",
        "",
        f"- 接触目的: {one.purpose.chinese} {one.purpose.english}",
        f"- 经营导向: {one.orientation.chinese} {one.orientation.english}",
        f"- 销售策略: {one.strategy.chinese} {one.strategy.english}",
        f"- Due: {when(trigger)}" + (f"; if `{condition}`" if condition else "") + ".",
        f"- Channels, yuan: {costs}.{''.join(stars)}",
        f"- Consent: {one.consent}; {profile}.",
    ]
    if one.models:
        lines.append(f"- Models: {', '.join(one.models)}.")
    if one.offers:
        labels = (catalogue.shared.offers[offer].label for offer in one.offers)
        lines.append(f"- Offers: {', '.join(labels)}.")
    for channel, script in one.script.items():
        lines.append(f"- 话术 {channel}: {script.chinese} / {script.english}")
    for (stage, branch), other in catalogue.variants[name].items():
        if stage or branch:
            where = " and ".join(
                f"{kind} {place}" for kind, place in (("stage", stage), ("branch", branch)) if place
            )
            lines.append(f"- At {where}: {_difference(one, other)}.")
    return "\n".join(lines)


def _difference(one: Touchpoint, other: Touchpoint | None) -> str:
    """Which fields are other ones."""
    if other is None:
        return "left out"
    changed = [
        name for name in Touchpoint.model_fields if getattr(one, name) != getattr(other, name)
    ]
    return f"other {', '.join(changed)}" if changed else "the same"


def _candidates(catalogue: Catalogue, name: str) -> str:
    if catalogue.shared.decision_points[name].touchpoints == "all":
        return "all"
    return ", ".join(f"`{one}`" for one in catalogue.at(name))


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    heads = list(heads)
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.write_text(render(target.read_text(encoding="utf-8")), encoding="utf-8")
