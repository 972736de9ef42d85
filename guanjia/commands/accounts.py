"""Commands for entitlements of a customer and accounts of customers."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from guanjia.terminal.options import Json, MaybeAsOf, latest_date, open_published, parse_day
from guanjia.terminal.output import emit, table

NOBODY = "未分配"
SHOWN = 20


def entitlements(
    customer: Annotated[str, typer.Argument(help="Customer number")],
    as_of: MaybeAsOf = None,
    json: Json = False,
) -> None:
    """Show what a customer was granted and used, and the balance."""
    from features.stars.ledger import explain_entitlements
    from features.stars.settings import load_star_settings

    lake = open_published()
    on = as_of or latest_date(lake, "snapshots", "give --as-of DATE")
    ledger = explain_entitlements(lake, customer, on)
    zone = ZoneInfo(lake.settings.timezone)
    running = [row for row in ledger.balances if row["year_end"] and row["year_end"] > on]
    year = "No entitlement year 权益年度 runs: nothing is allowed."
    if ledger.year_start is not None:
        year = f"Entitlement year 权益年度 {ledger.year_start} to {ledger.year_end}, exclusive."
        if not ledger.covered:
            year += " No motor cover is in force: nothing may be granted now."
    names = {tier.level: tier.label for tier in load_star_settings(lake.home).tiers}
    stars = [
        f"Star 星级 {step.star_level} {names.get(step.star_level or 0, 'unknown')} from {step.day}"
        + ("." if step.covered else ", without motor cover.")
        for step in ledger.stars
    ]
    emit(
        ledger,
        json,
        table(
            f"{customer}: entitlements 权益 granted by {on}",
            [_line(row, zone) for row in ledger.lines],
        ),
        year,
        *stars,
        *([table("Balance 余额", [_balance(row) for row in running])] if running else []),
    )


def account(
    customer: Annotated[str | None, typer.Argument(help="Customer number; default: all")] = None,
    by: Annotated[str, typer.Option(help="customer, household, manager or branch")] = "customer",
    as_of: MaybeAsOf = None,
    since: Annotated[
        date | None,
        typer.Option(
            "--from", parser=parse_day, metavar="YYYY-MM-DD", help="First day; default: one year."
        ),
    ] = None,
    top: Annotated[int | None, typer.Option(min=1, help="At most so many rows.")] = None,
    out: Annotated[Path | None, typer.Option(help="CSV file to write.")] = None,
    json: Json = False,
) -> None:
    """Show premium, claims, cost and profit of customers or branches.

    Motor and non-motor, apart and together.
    """
    from features.accounts.account import accounts
    from features.accounts.items import LEVELS
    from features.lake.civil_days import years_before

    lake = open_published()
    on = as_of or latest_date(lake, "snapshots", "give --as-of DATE")
    first = since or years_before(on, 1) + timedelta(1)
    done = accounts(lake, first, on, by, customer)  # type: ignore[arg-type]
    rows = done.rows.slice(0, top)
    shown: list[Any] = []
    if customer is None:
        lines = [_summary(row, row["key"] or NOBODY) for row in rows.slice(0, SHOWN).to_pylist()]
        lines.append(_summary(done.total, "total 合计"))
        title = f"Accounts by {by} {LEVELS[done.by]}, {first} to {on}, yuan"
        shown += [table(title, lines)]
        if left := done.rows.num_rows - len(lines) + 1:
            hint = "" if top else "; --out FILE.csv writes all"
            shown.append(f"{left:,} more rows are in the total{hint}.")
    else:
        key = rows["key"][0].as_py() if rows.num_rows else customer
        title = f"Account of {LEVELS[done.by]} {key or NOBODY}, {first} to {on}, yuan"
        shown += [table(title, _statement(done.total))]
    if done.absent:
        shown += [f"Not included, because their tables are absent: {', '.join(done.absent)}."]
    if out is not None:
        shown += [f"{_write(out, rows):,} rows in {out}"]
    payload = {
        "by": by,
        "since": first,
        "as_of": on,
        "absent": done.absent,
        "total": done.total,
        "rows": rows.to_pylist() if json else [],
    }
    emit(payload, json, *shown)


def _line(row: Mapping[str, Any], zone: ZoneInfo) -> dict[str, Any]:
    def on(instant: datetime | None) -> date | None:
        return instant and instant.astimezone(zone).date()

    return {
        "entitlement": row["entitlement_id"],
        "service": f"{row['service_class']} {row['service']}",
        "granted": row["granted_on"],
        "activated": on(row["activated_at"]),
        "used": on(row["used_at"]),
        "expires": row["expires_on"],
        "state": row["state"],
        "cost": row["unit_cost"] if row["used_at"] else None,
        "beyond": row["beyond_allowance"],
    }


def _balance(row: Mapping[str, Any]) -> dict[str, Any]:
    names = ("allowance", "granted", "notified", "activated", "used", "expired", "open")
    return {
        "class": row["service_class"],
        **{name: row[name] for name in names},
        "used cost": row["used_cost"],
        "balance": row["balance"],
    }


def _summary(row: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Condense a row to the width of a screen, in whole yuan; the file has the cents."""
    from features.accounts.items import COSTS

    def yuan(amount: Decimal | None) -> Decimal | None:
        return None if amount is None else amount.quantize(Decimal(1), ROUND_HALF_UP)

    return {
        "key": key,
        "customers": row["customers"],
        "premium": yuan(row["written_premium"]),
        "claims": yuan(row["claims"]),
        "costs": yuan(sum((row[cost] for cost in COSTS), Decimal(0))),
        "profit, motor": yuan(row["profit_motor"]),
        "non-motor": yuan(row["profit_non_motor"]),
        "together": yuan(row["profit"]),
    }


def _statement(total: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Arrange a total as a line for each item and a column for each business."""
    from features.accounts.items import BUSINESS_LABELS, ITEM_LABELS

    endings = {f"{b.replace('_', '-')} {label}": f"_{b}" for b, label in BUSINESS_LABELS.items()}
    return [
        {
            "item": f"{item.replace('_', ' ')} {label}",
            **{heading: total[item + ending] for heading, ending in endings.items()},
            "together 合计": total[item],
        }
        for item, label in ITEM_LABELS.items()
    ]


def _write(out: Path, rows: Any) -> int:
    """Write the rows as CSV with Chinese headings, every item by business; count them."""
    from features.accounts.items import BUSINESS_LABELS, ITEM_LABELS
    from serving.spreadsheet import write_csv

    columns = {"key": "归属", "customers": "客户数"}
    for item, label in ITEM_LABELS.items():
        columns[item] = label
        columns |= {f"{item}_{b}": f"{label}_{name}" for b, name in BUSINESS_LABELS.items()}

    def cells() -> Iterator[list[Any]]:
        for batch in rows.to_batches(max_chunksize=10_000):
            for row in batch.to_pylist():
                yield [row["key"] or NOBODY, *(row[name] for name in list(columns)[1:])]

    return write_csv(out, list(columns.values()), cells())
