"""Commands that measure: a campaign, and all contact of a year by the standing holdout."""

import getpass
from datetime import date
from math import isfinite
from typing import Annotated, Any

import typer

from guanjia.terminal.options import AsOf, Json, open_published, open_records, parse_day, read_clock
from guanjia.terminal.output import emit, table

TOTALS = {
    "renewals": "多续保单（张）",
    "premium": "多得保费（元）",
    "margin": "多得边际（元）",
    "net": "净收益（元）",
}
"""Chinese names of the totals of a measurement."""


def measure(
    name: Annotated[str, typer.Argument(metavar="CAMPAIGN", help="Name of the campaign.")],
    as_of: AsOf,
    peek: Annotated[
        bool,
        typer.Option("--peek", help="Look between two planned looks, with a wider interval."),
    ] = False,
    json: Json = False,
) -> None:
    """Measure a campaign at a planned look: what it added, and whether it pays."""
    from serving.measurement.campaign import measure_campaign

    lake = open_published()
    with open_records(lake) as records:
        measured = measure_campaign(
            lake, records, name, as_of, read_clock(), getpass.getuser(), peek=peek
        )
    emit(measured, json, *_shown(measured))


def holdout_effect(
    as_of: AsOf,
    since: Annotated[
        date | None,
        typer.Option(
            "--since",
            parser=parse_day,
            metavar="YYYY-MM-DD",
            help="First expiry; default: the first day of the holdout cycle.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Tell what all contact of a cycle added, by the customers who had none."""
    from serving.decision.worth.policy import load_policy
    from serving.measurement.standing import measure_standing

    lake = open_published()
    with open_records(lake) as records:
        standing = measure_standing(lake, records, load_policy(lake.home), as_of, since)
    rows = [
        {
            "campaign": name,
            "renewals": round(row.value),
            "low": round(row.low),
            "high": round(row.high),
        }
        for name, row in standing.campaigns.items()
    ]
    lines = [
        f"{standing.effect.treated:,} terms in reach of contact, {standing.effect.control:,} of "
        f"the holdout, expiring {standing.first} to {standing.last}.",
        f"All contact: {_points(standing.effect)} points of renewal, "
        f"{standing.renewals.value:,.0f} renewals "
        f"({standing.renewals.low:,.0f} to {standing.renewals.high:,.0f}).",
        f"Sum of the campaigns: {standing.summed:,.0f} renewals"
        + ("." if standing.ratio is None else f", {standing.ratio:.1f} times as many."),
    ]
    emit(standing, json, *([table("Single campaigns", rows)] if rows else []), *lines)


def _shown(measured: Any) -> list[Any]:
    arms = [
        {
            "arm": arm.arm,
            "members": arm.members,
            "ripe": arm.ripe,
            "renewed": arm.renewed / arm.ripe if arm.ripe else None,
            "contacted": arm.contacted,
            "received": arm.received,
            "other marketing": arm.other_marketing,
            "service": arm.service,
        }
        for arm in measured.arms
    ]
    lines: list[Any] = [
        f"{measured.verdict.label}: {measured.verdict.reason}",
        measured.verdict_english,
        table(f"{measured.campaign} {measured.label}, {measured.state}, {measured.as_of}", arms),
    ]
    figures = measured.figures
    if figures is not None:
        look = figures.look
        if measured.beyond_plan:
            lines.append("This look is beyond the plan: intervals are the always-valid ones.")
        lines.append(
            f"Look {look.number} of {look.planned}, {look.fraction:.0%} of the information: "
            f"{_points(look.effect)} points of renewal; {_reached(figures.compliers.value)}. The "
            f"probability as of the draw took away {figures.explained:.0%} of the variance."
        )
        totals = [
            {
                "of all treated": f"{TOTALS[name]} {name}",
                "value": round(row.value),
                "low": round(row.low),
                "high": round(row.high),
            }
            for name, row in figures.totals.items()
        ]
        levels = [
            {
                "breakdown": f"{row.breakdown} {row.level}",
                "points": _points(row.effect),
                "p (Holm)": row.p_value,
            }
            for row in figures.levels
        ]
        lines.append(table("Renewals, and yuan", totals))
        lines += _all_terms(figures.all_terms)
        lines += [table("Declared breakdowns", levels)] if levels else []
        lines += [
            f"The best {name} would stand out as far by luck {chance:.0%} of the time."
            for name, chance in figures.best_by_luck.items()
        ]
    return lines


def _reached(effect: float) -> str:
    """Say what came of those whom a contact reached; not a number where it reached nobody."""
    if isfinite(effect):
        return f"for those reached because of the lot {effect * 100:+.1f}"
    return "no contact has reached a member because of the lot"


def _all_terms(every: Any) -> list[str]:
    """Tell of all terms that expired, beside the claim, which is about each member's first."""
    if every is None:
        return []
    renewals, premium = every.totals["renewals"], every.totals["premium"]
    return [
        f"All {every.treated + every.control:,} terms that expired while the arms held (members may"
        f" have several): {_points(every.effect)} points a term, {renewals.value:,.0f} renewals "
        f"({renewals.low:,.0f} to {renewals.high:,.0f}), {premium.value:,.0f} yuan of premium "
        f"({premium.low:,.0f} to {premium.high:,.0f})."
    ]


def _points(effect: Any) -> str:
    return f"{effect.value * 100:+.1f} ({effect.low * 100:+.1f} to {effect.high * 100:+.1f})"
