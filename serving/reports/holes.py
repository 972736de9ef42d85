"""Count the holes in the data that make figures of a report wrong or empty."""

from dataclasses import dataclass

from features.lake import Lake
from serving.reports.expected import Expectations
from serving.reports.months import Period
from serving.reports.settings import ReportSettings
from serving.reports.terms import NO_TEAM, NOBODY, TERMS, UNKNOWN


@dataclass(frozen=True)
class Hole:
    """Something that the data does not say.

    Attributes
    ----------
    name : str
        What is missing.
    count, of : int
        Terms without it, and of how many; 1 of 1 for a whole table.
    chinese : str
        What it means for the report.
    """

    name: str
    count: int
    of: int
    chinese: str


def count_holes(
    lake: Lake, month: Period, settings: ReportSettings, expectations: Expectations
) -> list[Hole]:
    """List what is missing, and what follows from it; only what there is.

    Parameters
    ----------
    lake : Lake
        The home, with the table of `terms_table`.
    month : Period
        The month.
    settings : ReportSettings
        Whether there are teams and targets.
    expectations : Expectations
        Where the expectations come from.
    """
    row = lake.con.execute(
        f"""
        SELECT count(*), count(*) FILTER (branch = '{UNKNOWN}'),
            count(*) FILTER (manager = '{NOBODY}'), count(*) FILTER (team = '{NO_TEAM}'),
            count(*) FILTER (channel = '{UNKNOWN}'), count(*) FILTER (premium IS NULL),
            count(*) FILTER (quoted_on IS NULL AND renewed),
            count(*) FILTER (quoted_on IS NOT NULL),
            count(*) FILTER (quoted_on IS NOT NULL AND reached_on IS NULL
                AND viewed_on IS NOT NULL),
            count(*) FILTER (reached_on IS NOT NULL), count(*) FILTER (viewed_on IS NOT NULL),
            count(*) FILTER (quoted_on IS NOT NULL AND change IS NULL),
            count(*) FILTER (renewed)
        FROM {TERMS} WHERE expiry BETWEEN DATE '{month.first}' AND DATE '{month.last}'
        """
    ).fetchone()
    assert row is not None
    due, branch, manager, team, channel, premium, unquoted, quoted = row[:8]
    silent, reached, viewed, unpriced, renewed = row[8:]
    holes = [
        Hole("branch", branch, due, "没有机构的保单，归入“未知”"),
        Hole("manager", manager, due, "没有客户经理的保单，归入“未分配”"),
        Hole("channel", channel, due, "没有渠道的保单，归入“未知”"),
        Hole("premium", premium, due, "没有签单保费的保单，不计入价格与赔付率"),
        Hole("quote", unquoted, renewed, "已续保却没有报价记录的保单，报价率偏低"),
        Hole("delivery", silent, quoted, "报价已查看却没有触达时间的保单，触达率偏低"),
        Hole("quoted premium", unpriced, quoted, "报价没有金额的保单，不计入价格分析"),
        Hole("expectation", expectations.missing, due, "没有预期的已到期保单，不与预期比较"),
    ]
    if settings.teams:
        holes.append(Hole("team", team, due, "客户经理不在任何团队的保单（report.toml）"))
    tables = {
        "quotes": "没有报价表：报价、触达、查看与价格各项均为空",
        "claim_movements": "没有赔款变动表：赔付率为空",
        "costs": "没有费用表：费用率为空",
        "consents": "没有授权表：待联系名单未按授权剔除",
    }
    holes += [Hole(table, 1, 1, text) for table, text in tables.items() if not lake.has(table)]
    if lake.has("quotes") and quoted and not reached:
        holes.append(Hole("delivered_at", quoted, quoted, "有报价的保单，全部没有触达时间"))
    if lake.has("quotes") and quoted and not viewed:
        holes.append(Hole("viewed_at", quoted, quoted, "有报价的保单，全部没有查看时间"))
    if not expectations.available:
        holes.append(Hole("champion", 1, 1, "没有续保模型：不与预期比较，也不预测月末"))
    targets = settings.targets
    if targets.rate is None and not targets.months and not targets.branches:
        holes.append(Hole("target", 1, 1, "没有设定目标（report.toml）：不与目标比较"))
    return [hole for hole in holes if hole.count]
