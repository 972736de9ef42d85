"""Command to find out whether service pays: renewals and yuan that the use of entitlements adds."""

from typing import Annotated, Any

import typer

from guanjia.terminal.options import Json, MaybeAsOf, latest_date, open_published
from guanjia.terminal.output import emit, progress, short_path, table

NOTE = """raw 原始差异: renewal of users less that of others, in points. It is no effect: users differ.
lot 随机提醒: effect for those whom a reminder drawn by lot moves to use (instrument; Anderson-Rubin).
observational 观察性调整: users against others alike when the term began; nobody drew them.
yuan 每次使用回报: worth of the renewals that a use adds less its cost. Brackets: 95% intervals."""


def service_effect(
    as_of: MaybeAsOf = None,
    worth: Annotated[
        float, typer.Option(min=0, help="Of a renewal, as a share of the commercial premium.")
    ] = 0.10,
    branches: Annotated[bool, typer.Option("--branches", help="Show every branch.")] = False,
    json: Json = False,
) -> None:
    """Measure whether the use of entitlements pays, and publish it for the API."""
    from serving.measurement.service import measure_service
    from serving.measurement.service_file import publish_service

    lake = open_published()
    on = as_of or latest_date(lake, "snapshots", "give --as-of DATE")
    with progress(json) as report:
        measured = measure_service(lake, on, worth, report=report)
    path = publish_service(lake, measured)
    shown = [group for group in measured.groups if branches or group.breakdown != "branch"]
    acquisition = measured.acquisition
    facts = [f"A renewal is worth 续保价值: {measured.worth_share:.0%} of the commercial premium."]
    if acquisition is not None:
        facts.append(
            f"Winning a new motor year costs {acquisition.new_cost:,.0f} yuan, keeping one "
            f"{acquisition.renewed_cost:,.0f} (获客成本, 12 months)."
        )
    if measured.uses_without_cost:
        facts.append(f"{measured.uses_without_cost:,} uses without a cost count as 0.")
    emit(
        measured,
        json,
        table(f"Does service pay? 服务是否划算, as of {on}", [_line(group) for group in shown]),
        *facts,
        NOTE,
        f"Published as {short_path(path)}.",
    )


def _line(group: Any) -> dict[str, Any]:
    from serving.measurement.service_figures import BREAKDOWNS, METHODS, VERDICTS

    lot, observed = group.lot, group.observed
    return {
        "group 分组": f"{BREAKDOWNS[group.breakdown]} {'' if group.level == 'all' else group.level}",
        "terms 保单": f"{group.rows:,}",
        "used 享权": f"{group.users:,}",
        "cost 成本": "-" if group.cost is None else f"{group.cost:,.0f}",
        "raw": _points(group.raw_difference, group.raw_low, group.raw_high),
        "lot": "-"
        if lot is None
        else _points(lot.renewal.value, lot.renewal.low, lot.renewal.high),
        "observational": "-"
        if observed is None
        else _points(observed.renewal.value, observed.renewal.low, observed.renewal.high),
        "yuan 每次使用回报": _yuan(group),
        "by": METHODS[group.method],
        "verdict 结论": VERDICTS[group.verdict]
        + (f" ({group.needed_rows:,})" if group.needed_rows else ""),
    }


def _points(value: float | None, low: float | None, high: float | None) -> str:
    if value is None:
        return "-"
    ends = ("-inf" if low is None else f"{low:+.1%}", "inf" if high is None else f"{high:+.1%}")
    return f"{value:+.1%} [{ends[0]}, {ends[1]}]"


def _yuan(group: Any) -> str:
    chosen = group.lot if group.method == "lot" else group.observed
    if chosen is None or chosen.yuan.value is None:
        return "-"
    yuan = chosen.yuan
    low = "-inf" if yuan.low is None else f"{yuan.low:,.0f}"
    high = "inf" if yuan.high is None else f"{yuan.high:,.0f}"
    return f"{yuan.value:,.0f} [{low}, {high}]"
