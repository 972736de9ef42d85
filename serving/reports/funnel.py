"""Count the renewal funnel of a month by office: due, quoted, reached, viewed, renewed, lost.

Each figure is a share with its numerator, its denominator and its 95% interval; what each means
stands in `DEFINITIONS`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from features.lake import Lake
from features.lake.plain_rows import plain_rows
from serving.reports.months import Period
from serving.reports.settings import Level
from serving.reports.terms import REASONS, TERMS
from training.experiments.shares import bound_share

DEFINITIONS: Mapping[str, tuple[str, str]] = {
    "due": ("本月应续", "本月到期的商业险保单，不含入池前已退保的"),
    "expired": ("已到期", "本月应续中，到期日不晚于截止日的"),
    "rate": ("续保率", "已到期保单中已续保的 / 已到期保单；到期后30天内补签的也计入"),
    "quoted": ("报价率", "未到期且未续保的在池保单中已报价的 / 未到期且未续保的在池保单"),
    "reached": ("报价触达率", "其中报价已触达客户的 / 未到期且未续保的在池保单"),
    "viewed": ("报价查看率", "其中客户已查看报价的 / 未到期且未续保的在池保单"),
    "first_day": ("首日报价率", "入池当日或之前已报价的 / 最近7天入池的保单"),
    "first_week": ("首周报价率", "入池后7天内已报价的 / 入池已满7天的保单（再早7天入池的）"),
    "impact": ("缺口影响", "流失保单 / 全部机构的已到期保单；各机构相加等于全部缺口"),
    "expected": ("预期续保", "各保单入池时续保概率之和（未满30天宽限期的按补签进度折算）"),
    "difference": ("超出预期", "实际续保 - 预期续保；所有机构共同的偏移已扣除"),
    "shrunk": ("收缩后差异", "超出预期按机构规模向0收缩（经验贝叶斯），小机构的偶然波动不算成绩"),
}
"""Figure -> its Chinese label; numerator and denominator in words."""
ENTRANT_DAYS = 7


@dataclass(frozen=True)
class Figure:
    """A share.

    Attributes
    ----------
    yes, of : int
        Numerator and denominator.
    share, low, high : float or None
        The share and its 95% interval (Wilson); None of nothing.
    """

    yes: int
    of: int
    share: float | None
    low: float | None
    high: float | None


def figure(yes: int | None, of: int) -> Figure:
    """Make a figure of its numerator and denominator.

    Parameters
    ----------
    yes : int or None
        Numerator; None counts as 0.
    of : int
        Denominator.
    """
    count = int(yes or 0)
    bounds = bound_share(count, of)
    low, high = bounds or (None, None)
    return Figure(count, of, count / of if of else None, low, high)


@dataclass(frozen=True)
class FunnelRow:
    """The funnel of an office.

    Attributes
    ----------
    key, name : str
        The office, and its name if it has another one.
    due, expired, open : int
        Terms of the month; those that have expired; terms of the pool that have neither expired nor
        been renewed.
    renewed, quoted, reached, viewed, first_day, first_week : Figure
        As `DEFINITIONS` has them.
    last_month, last_year : Figure
        The renewal rate of the month before and of a year before, on the same day of it; nothing
        by star, since the star of today follows from those renewals.
    lost : dict of str to int
        Lost terms by reason.
    """

    key: str
    name: str
    due: int
    expired: int
    open: int
    renewed: Figure
    quoted: Figure
    reached: Figure
    viewed: Figure
    first_day: Figure
    first_week: Figure
    last_month: Figure
    last_year: Figure
    lost: dict[str, int]


def count_funnel(
    lake: Lake, month: Period, last_month: Period, last_year: Period, by: Level
) -> tuple[FunnelRow, list[FunnelRow]]:
    """Count the funnel of all terms together and of each office.

    Parameters
    ----------
    lake : Lake
        The home, with the table of `terms_table`, which covers all three months and the pool.
    month, last_month, last_year : Period
        The month of the report, and those that it is compared with.
    by : {"branch", "team", "manager", "channel", "star"}
        What an office is.

    Returns
    -------
    tuple of FunnelRow and list of FunnelRow
        The total, and a row an office, those that lost most first.
    """
    as_of = month.day
    week = as_of - timedelta(days=ENTRANT_DAYS)
    of_month = f"expiry BETWEEN DATE '{month.first}' AND DATE '{month.last}'"
    pool = f"NOT expired AND NOT renewed AND entered <= DATE '{as_of}'"
    fresh = f"entered > DATE '{week}' AND entered <= DATE '{as_of}'"
    weekly = f"entered > DATE '{week - timedelta(days=ENTRANT_DAYS)}' AND entered <= DATE '{week}'"
    filters = {
        "due": of_month,
        "expired": f"{of_month} AND expired",
        "renewed": f"{of_month} AND expired AND renewed",
        "open": pool,
        "quoted": f"{pool} AND quoted_on IS NOT NULL",
        "reached": f"{pool} AND reached_on IS NOT NULL",
        "viewed": f"{pool} AND viewed_on IS NOT NULL",
        "fresh": fresh,
        "first_day": f"{fresh} AND quoted_on <= entered",
        "weekly": weekly,
        "first_week": f"{weekly} AND quoted_on <= entered + {ENTRANT_DAYS}",
        **{f"lost_{reason}": f"{of_month} AND lost = '{reason}'" for reason in REASONS},
    }
    of_customers = "false" if by == "star" else "true"
    for name, other in (("month", last_month), ("year", last_year)):
        then = f"expiry BETWEEN DATE '{other.first}' AND DATE '{other.day}'"
        then = f"{of_customers} AND {then}"
        filters[f"expired_{name}"] = then
        filters[f"renewed_{name}"] = f"{then} AND renewed_on <= DATE '{other.day}'"
    counts = ", ".join(f"count(*) FILTER ({text}) AS {name}" for name, text in filters.items())
    label = "any_value(manager_name)" if by == "manager" else "NULL::VARCHAR"
    query = (
        f"SELECT {by} AS key, {label} AS name, {counts} FROM {TERMS} GROUP BY GROUPING SETS"
        f" (({by}), ()) ORDER BY grouping({by}) DESC, key"
    )
    rows = plain_rows(lake.con.execute(query).to_arrow_table())
    total, offices = rows[0], rows[1:]
    shown = [_row(row) for row in offices if any(row[name] for name in filters)]
    shown.sort(key=lambda row: (-sum(row.lost.values()), row.key))
    return _row({**total, "key": "", "name": "合计"}), shown


def _row(row: Mapping[str, Any]) -> FunnelRow:
    return FunnelRow(
        key=row["key"],
        name=row["name"] or row["key"],
        due=row["due"],
        expired=row["expired"],
        open=row["open"],
        renewed=figure(row["renewed"], row["expired"]),
        quoted=figure(row["quoted"], row["open"]),
        reached=figure(row["reached"], row["open"]),
        viewed=figure(row["viewed"], row["open"]),
        first_day=figure(row["first_day"], row["fresh"]),
        first_week=figure(row["first_week"], row["weekly"]),
        last_month=figure(row["renewed_month"], row["expired_month"]),
        last_year=figure(row["renewed_year"], row["expired_year"]),
        lost={reason: row[f"lost_{reason}"] for reason in REASONS},
    )


def window_of(
    month: Period, last_year: Period, pool_days: int, past: Sequence[Period]
) -> tuple[date, date]:
    """Return the first and the last expiry that a report looks at.

    Parameters
    ----------
    month, last_year : Period
        The month of the report, and the one a year before.
    pool_days : int
        Days from the entry into the pool to the expiry.
    past : sequence of Period
        Months that the forecast learns from.
    """
    firsts = [last_year.first, *(period.first for period in past)]
    return min(firsts), max(month.last, month.day + timedelta(days=pool_days))
