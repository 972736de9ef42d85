"""Report how stars moved between two dates, what they grant and cost, and who is near the next."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from features.errors import GuanjiaError, InputError
from features.lake import Lake
from features.lake.known_at import known_sql
from features.lake.spine import spine_of_customers
from features.settings import cutoff
from features.sql import instant_sql
from features.stars.settings import StarSettings, load_star_settings
from features.stars.value import rate
from serving.reports.output.sections import CONDITION, Section
from serving.reports.terms import checked, people_sql

NEAR_SHARE = Decimal("0.9")
"""Near the next star: a value of at least this share of its threshold."""
RATED = "report_rated"
CLASSES = ("A", "B", "C")


@dataclass(frozen=True)
class StarRow:
    """A star on both dates.

    Attributes
    ----------
    level : int
        The star; 0: not rated.
    name : str
        Its Chinese name.
    before, after : int
        Customers with cover on the first and on the last date.
    up, down : int
        Customers who came to it from a lower and from a higher star.
    allowance : Decimal or None
        Cost of all services that the star allows a customer in a year, yuan; None where no unit
        cost is known.
    allowed_before, allowed_after : Decimal or None
        The same for all its customers.
    used : Decimal or None
        Cost of the services that its customers of the last date used in the year before it.
    close_by : int
        Customers of the last date whose value is near the threshold of the next star.
    condition : str or None
        What `guanjia list` gives those by; None for the highest star.
    """

    level: int
    name: str
    before: int
    after: int
    up: int
    down: int
    allowance: Decimal | None
    allowed_before: Decimal | None
    allowed_after: Decimal | None
    used: Decimal | None
    close_by: int
    condition: str | None


@dataclass(frozen=True)
class StarMovement:
    """Stars on two dates.

    Attributes
    ----------
    since, as_of : date
        The dates of the ratings.
    rows : list of StarRow
        By star, the highest first.
    moves : list of tuple of (int, int, int)
        From, to, customers; 0: without cover or not rated.
    """

    since: date
    as_of: date
    rows: list[StarRow]
    moves: list[tuple[int, int, int]]


def report_stars(
    lake: Lake, since: date, as_of: date, branches: Collection[str] | None = None
) -> StarMovement:
    """Report how stars moved from one date to another.

    Both ratings use only what was known at their date; a customer who lapsed counts as unrated.

    Parameters
    ----------
    lake : Lake
        The home with checked policies, claims and movements of claims.
    since, as_of : date
        The two dates.
    branches : collection of str, optional
        Only customers of these branches; default: all.

    Raises
    ------
    GuanjiaError
        If the dates are not in order, or there is no table of movements of claims.
    """
    if since >= as_of:
        raise InputError(
            f"dates {since} and {as_of}",
            "are not in order",
            "give the earlier first",
            chinese=(f"日期 {since} 与 {as_of}", "先后颠倒", "请把较早的写在前面"),
        )
    if not lake.has("claim_movements"):
        cure = "deliver claim_movements: without them no value is known"
        chinese = "星级", "缺少赔案变动表 claim_movements，无法评定", "请运行人员交付这张表"
        fault = "cannot be rated without the table claim_movements"
        raise GuanjiaError("stars", fault, cure, chinese=chinese)
    settings = load_star_settings(lake.home)
    query = lake.sql(rate(lake, spine_of_customers(lake, [since, as_of]), settings))
    lake.con.execute(
        f"CREATE OR REPLACE TEMP TABLE {RATED} AS SELECT r.customer_id, as_of,"
        " CASE WHEN lapsed THEN 0 ELSE coalesce(star_level, 0) END AS star, value"
        f" FROM ({query}) r JOIN ({people_sql(lake, as_of, branches)}) USING (customer_id)"
        " WHERE tenure_years > 0 OR lapsed"
    )
    try:
        moves = _moves(lake, since, as_of)
        return StarMovement(since, as_of, _rows(lake, as_of, settings, moves), moves)
    finally:
        lake.con.execute(f"DROP TABLE IF EXISTS {RATED}")


def _moves(lake: Lake, since: date, as_of: date) -> list[tuple[int, int, int]]:
    rows = lake.con.execute(
        f"SELECT coalesce(b.star, 0), coalesce(a.star, 0), count(*)"
        f" FROM (SELECT * FROM {RATED} WHERE as_of = DATE '{since}') b"
        f" FULL JOIN (SELECT * FROM {RATED} WHERE as_of = DATE '{as_of}') a USING (customer_id)"
        " GROUP BY 1, 2 ORDER BY 1 DESC, 2 DESC"
    ).fetchall()
    return [(int(before), int(after), int(count)) for before, after, count in rows]


def _rows(
    lake: Lake, as_of: date, settings: StarSettings, moves: list[tuple[int, int, int]]
) -> list[StarRow]:
    costs, used = _unit_costs(lake, as_of), _used(lake, as_of)
    rows = []
    for tier in reversed(settings.tiers):
        level = tier.level
        before = sum(count for start, _, count in moves if start == level)
        after = sum(count for _, end, count in moves if end == level)
        allowance: Decimal | None = None
        if costs is not None:
            allowed = (tier.a_services, tier.b_services, tier.c_services)
            terms = (costs[name] * times for name, times in zip(CLASSES, allowed, strict=True))
            allowance = sum(terms, Decimal(0))
        higher = next((other for other in settings.tiers if other.level == level + 1), None)
        low = None if higher is None else (higher.threshold * NEAR_SHARE).quantize(Decimal(1))
        close_by = 0
        if higher is not None:
            (close_by,) = lake.con.execute(
                f"SELECT count(*) FROM {RATED} WHERE as_of = DATE '{as_of}' AND star = {level}"
                f" AND value >= {low}"
            ).fetchone() or (0,)
        rows.append(
            StarRow(
                level=level,
                name=tier.label,
                before=before,
                after=after,
                up=sum(count for start, end, count in moves if end == level and 0 < start < end),
                down=sum(count for start, end, count in moves if end == level and start > end),
                allowance=allowance,
                allowed_before=None if allowance is None else allowance * before,
                allowed_after=None if allowance is None else allowance * after,
                used=None if used is None else used.get(level, Decimal(0)),
                close_by=close_by,
                condition=None
                if low is None
                else f"star = {level} and not lapsed and customer_value >= {low}",
            )
        )
    return rows


def _unit_costs(lake: Lake, as_of: date) -> dict[str, Decimal] | None:
    """Read the mean unit cost of a service of each class, of what was granted by a date."""
    if not lake.has("entitlements"):
        return None
    known = known_sql(cutoff(as_of, lake.settings.timezone))
    rows = lake.con.execute(
        "SELECT service_class, avg(unit_cost)::DECIMAL(18, 2) FROM"
        f" {checked(lake, 'entitlements')} WHERE {known} AND unit_cost IS NOT NULL GROUP BY 1"
    ).fetchall()
    return {name: Decimal(0) for name in CLASSES} | dict(rows) if rows else None


def _used(lake: Lake, as_of: date) -> dict[int, Decimal] | None:
    """Sum the cost of services used in the year before a date, by the star of that date."""
    if not lake.has("entitlements"):
        return None
    closes = cutoff(as_of, lake.settings.timezone)
    rows = lake.con.execute(
        f"SELECT star, sum(unit_cost)::DECIMAL(18, 2) FROM {checked(lake, 'entitlements')}"
        f" JOIN (SELECT customer_id, star FROM {RATED} WHERE as_of = DATE '{as_of}')"
        f" USING (customer_id) WHERE {known_sql(closes)} AND used_at < {instant_sql(closes)}"
        f" AND used_on > DATE '{as_of}' - INTERVAL 1 YEAR GROUP BY 1"
    ).fetchall()
    return {int(star): cost or Decimal(0) for star, cost in rows}


def star_sections(report: StarMovement) -> list[Section]:
    """Make the sections of the movement of stars.

    Parameters
    ----------
    report : StarMovement
        The report.
    """
    names = {row.level: row.name for row in report.rows} | {0: "无保障"}
    rise = sum(row.up for row in report.rows)
    fall = sum(row.down for row in report.rows)
    before, after = (
        [getattr(row, name) for row in report.rows] for name in ("allowed_before", "allowed_after")
    )
    text = f"升星 {rise:,} 人，降星 {fall:,} 人。"
    if None not in before:
        change = sum(after) - sum(before)
        text += f"权益额度全年成本 {sum(after):,.0f} 元，较期初 {change:+,.0f} 元（全部用完时）。"
    close_by = sum(row.close_by for row in report.rows)
    table = Section(
        "星级变动",
        (text, f"接近下一星级的 {close_by:,} 人。"),
        ("星级", "期初", "期末", "升入", "降入", "人均额度成本（元）", "期初额度成本（元）",
         "期末额度成本（元）", "近一年实际使用（元）", "接近下一星级", CONDITION),
        [
            [f"{row.level}星 {row.name}", row.before, row.after, row.up, row.down,
             *(None if value is None else round(float(value), 2)
               for value in (row.allowance, row.allowed_before, row.allowed_after, row.used)),
             row.close_by, row.condition or ""]
            for row in report.rows
        ],
        ("额度成本：该星级一年允许的A、B、C类服务次数 x 各类平均单次成本",
         f"接近下一星级：客户价值不低于下一星级门槛的{NEAR_SHARE:.0%}"),
    )  # fmt: skip
    matrix = Section(
        "星级去向",
        (),
        ("期初", "期末", "人数"),
        [[names[start], names[end], count] for start, end, count in report.moves],
        ("无保障：当日没有车险保障超过6个月，或尚未投保",),
    )
    return [table, matrix]
