"""Command to find out whether service pays: renewals and yuan that the use of entitlements adds."""

from typing import Annotated, Any

import typer

from guanjia.terminal.options import Json, MaybeAsOf, latest_date, open_published
from guanjia.terminal.output import emit, progress, short_path, table

NOTE = """Points of renewal and yuan that a use adds; brackets: 95% intervals.
raw 原始差异: renewal of users less that of others. No effect of service: users differ anyway.
lot 随机提醒: for those whom a reminder drawn by lot moves to use (Anderson-Rubin).
observed 观察性调整: users against others alike when the term began. Nobody drew them: what no
column tells, such as a liking for service, is still in it.
yuan 每次使用回报: worth of the renewals less the cost of the use, by the lot where there is one.
rows: terms and classes that a lot needs to show a return of {relevant:g} yuan."""


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
    from serving.measurement.service_figures import RELEVANT_YUAN
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
            f"{acquisition.renewed_cost:,.0f} (acquisition 获客成本, 12 months)."
        )
    if measured.uses_without_cost:
        facts.append(f"{measured.uses_without_cost:,} uses without a cost count as 0.")
    emit(
        measured,
        json,
        table(f"Does service pay? 服务是否划算, as of {on}", [_line(group) for group in shown]),
        *facts,
        NOTE.format(relevant=RELEVANT_YUAN),
        f"Published as {short_path(path)}.",
    )


def _line(group: Any) -> dict[str, Any]:
    from serving.measurement.service_figures import BREAKDOWNS, VERDICTS

    lot, observed = group.lot, group.observed
    chosen = lot if group.method == "lot" else observed
    level = "" if group.level == "all" else f" {group.level}"
    return {
        "group": f"{BREAKDOWNS[group.breakdown]}{level}",
        "used 享权": f"{group.users:,} / {group.rows:,}",
        "raw": _interval(group.raw_difference, group.raw_low, group.raw_high, 100),
        "lot": "-" if lot is None else _estimate(lot.renewal, 100),
        "observed": "-" if observed is None else _estimate(observed.renewal, 100),
        "yuan": "-" if chosen is None else _estimate(chosen.yuan, 1),
        "verdict": VERDICTS[group.verdict],
        "rows": f"{group.needed_rows:,}" if group.needed_rows else "",
    }


def _estimate(estimate: Any, scale: float) -> str:
    if estimate.gap is not None:
        first, last = (scale * end for end in estimate.gap)
        return f"not in [{first:,.0f}, {last:,.0f}]"
    return _interval(estimate.value, estimate.low, estimate.high, scale)


def _interval(value: float | None, low: float | None, high: float | None, scale: float) -> str:
    if value is None:
        return "-"
    digits = 1 if scale > 1 and abs(scale * value) < 20 else 0
    first = "-∞" if low is None else f"{scale * low:.{digits}f}"
    last = "∞" if high is None else f"{scale * high:.{digits}f}"
    return f"{scale * value:.{digits}f} [{first}, {last}]"
