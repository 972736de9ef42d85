"""Report service by branch and touchpoint: the claims chain, satisfaction, complaints, refusals."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import ibis

from features.accounts.entries import known_table
from features.errors import InputError
from features.lake import Lake
from features.lake.known_at import known_sql
from features.lake.plain_rows import plain_rows
from features.settings import cutoff
from features.sql import instant_sql
from features.tags.relations.claim_steps import with_steps
from features.tags.relations.claims_standards import STEPS, load_claims_standards
from serving.reports.funnel import Figure, figure
from serving.reports.output.sections import Percent, Section, interval
from serving.reports.terms import checked, people_sql

STEP_LABELS = {
    "report": "报案",
    "survey": "查勘",
    "assess": "定损",
    "adjust": "理算",
    "pay": "赔付",
}
TOPIC_LABELS = {
    "claims": "理赔",
    "service": "服务",
    "sales": "销售",
    "price": "价格",
    "underwriting": "承保",
}
SATISFIED = 4
"""Points of 5 from which a survey counts as satisfied."""
CONTACT_DAYS = 30
"""A survey or complaint is put to the last contact so many days before it."""
NO_CONTACT = "无触达"
DAY_OF_STEP = {
    step: f"{past}_on"
    for step, past in zip(
        STEPS, ("reported", "surveyed", "assessed", "adjusted", "paid"), strict=True
    )
}


@dataclass(frozen=True)
class ChainRow:
    """The claims chain of a branch.

    Attributes
    ----------
    branch : str
        The branch; empty: all together.
    in_time : dict of str to Figure
        Step -> taken within its standard, of those taken in the period.
    median_days : dict of str to float or None
        Step -> median days since the step before.
    open, overdue : int
        Claims open on the last day, and those that wait longer than the standard.
    """

    branch: str
    in_time: dict[str, Figure]
    median_days: dict[str, float | None]
    open: int
    overdue: int


@dataclass(frozen=True)
class SatisfactionRow:
    """Surveys and complaints of a group.

    Attributes
    ----------
    key : str
        Branch, touchpoint or topic.
    surveys : int
        Surveys answered in the period.
    score : float or None
        Their mean, 1 to 5.
    satisfied : Figure
        Of 4 points and more, of all.
    complaints, unresolved : int
        Complaints received in the period, and those not resolved by its end.
    """

    key: str
    surveys: int
    score: float | None
    satisfied: Figure
    complaints: int
    unresolved: int


@dataclass(frozen=True)
class ServiceQuality:
    """Service in a period.

    Attributes
    ----------
    since, as_of : date
        First and last day.
    chain : list of ChainRow
        By branch, all together last.
    branches, touchpoints, topics : list of SatisfactionRow
        Surveys and complaints by branch, by the last touchpoint before them, by topic.
    """

    since: date
    as_of: date
    chain: list[ChainRow]
    branches: list[SatisfactionRow]
    touchpoints: list[SatisfactionRow]
    topics: list[SatisfactionRow]


def report_service(
    lake: Lake, since: date, as_of: date, branches: Collection[str] | None = None
) -> ServiceQuality:
    """Report the claims chain against its standards, and satisfaction, of a period.

    Parameters
    ----------
    lake : Lake
        The home with checked claims; surveys and contacts may be missing.
    since, as_of : date
        First and last day; what was known by the end of the last counts.
    branches : collection of str, optional
        Only customers of these branches; default: all.

    Raises
    ------
    GuanjiaError
        If the period ends before it begins.
    """
    if since > as_of:
        raise InputError(
            f"period {since} to {as_of}",
            "ends before it begins",
            "swap the dates",
            chinese=(f"{since} 至 {as_of}", "结束早于开始", "请对调两个日期"),
        )
    people = people_sql(lake, as_of, branches)
    return ServiceQuality(
        since=since,
        as_of=as_of,
        chain=_chain(lake, since, as_of, people),
        branches=_satisfaction(lake, since, as_of, people, "branch"),
        touchpoints=_satisfaction(lake, since, as_of, people, "touchpoint"),
        topics=_satisfaction(lake, since, as_of, people, "topic"),
    )


def _chain(lake: Lake, since: date, as_of: date, people: str) -> list[ChainRow]:
    closes = ibis.literal(cutoff(as_of, lake.settings.timezone))
    claims = known_table(lake, "claims", closes).mutate(as_of=ibis.literal(as_of))
    steps = lake.sql(with_steps(claims, load_claims_standards(lake.home)))
    columns = []
    for step in STEPS:
        step_day = f"{DAY_OF_STEP[step]} BETWEEN DATE '{since}' AND DATE '{as_of}'"
        inside = f"{step_day} AND {step}_days IS NOT NULL"
        columns += [
            f"count(*) FILTER ({inside}) AS {step}_taken",
            f"count(*) FILTER ({inside} AND {step}_in_time) AS {step}_punctual",
            f"median({step}_days) FILTER ({inside}) AS {step}_median",
        ]
    rows = plain_rows(
        lake.con.execute(
            f"SELECT coalesce(branch, '') AS branch, count(*) FILTER (open) AS open,"
            f" count(*) FILTER (overdue) AS overdue, {', '.join(columns)}"
            f" FROM ({steps}) JOIN ({people}) USING (customer_id)"
            " GROUP BY GROUPING SETS ((branch), ()) ORDER BY grouping(branch), 1"
        ).to_arrow_table()
    )
    return [
        ChainRow(
            branch=row["branch"],
            in_time={step: figure(row[f"{step}_punctual"], row[f"{step}_taken"]) for step in STEPS},
            median_days={step: row[f"{step}_median"] for step in STEPS},
            open=row["open"],
            overdue=row["overdue"],
        )
        for row in rows
    ]


def _satisfaction(
    lake: Lake, since: date, as_of: date, people: str, by: str
) -> list[SatisfactionRow]:
    if not lake.has("surveys_and_complaints"):
        return []
    closes = cutoff(as_of, lake.settings.timezone)
    known, ends = known_sql(closes), instant_sql(closes)
    cases = (
        f"SELECT s.*, p.branch FROM {checked(lake, 'surveys_and_complaints')} s"
        f" JOIN ({people}) p USING (customer_id) WHERE {known} AND occurred_at < {ends}"
        f" AND occurred_on BETWEEN DATE '{since}' AND DATE '{as_of}'"
    )
    if by == "touchpoint":
        if not lake.has("interactions"):
            return []
        first = since - timedelta(days=CONTACT_DAYS)
        contacts = (
            f"SELECT customer_id, occurred_at, touchpoint FROM {checked(lake, 'interactions')}"
            f" WHERE {known} AND direction = 'out' AND occurred_on >= DATE '{first}'"
        )
        cases = (
            "SELECT c.*, CASE WHEN c.occurred_at - i.occurred_at <= INTERVAL"
            f" {CONTACT_DAYS} DAY THEN i.touchpoint ELSE '{NO_CONTACT}' END AS touchpoint"
            f" FROM ({cases}) c ASOF LEFT JOIN ({contacts}) i"
            " ON c.customer_id = i.customer_id AND c.occurred_at >= i.occurred_at"
        )
    rows = plain_rows(
        lake.con.execute(
            f"SELECT {by} AS key, count(*) FILTER (kind = 'survey') AS surveys,"
            " avg(score) FILTER (kind = 'survey') AS score,"
            f" count(*) FILTER (kind = 'survey' AND score >= {SATISFIED}) AS satisfied,"
            " count(*) FILTER (kind = 'complaint') AS complaints,"
            " count(*) FILTER (kind = 'complaint' AND"
            f" coalesce(resolved_at >= {ends}, true)) AS unresolved"
            f" FROM ({cases}) GROUP BY 1 ORDER BY complaints DESC, 1"
        ).to_arrow_table()
    )
    return [
        SatisfactionRow(
            key=row["key"],
            surveys=row["surveys"],
            score=row["score"],
            satisfied=figure(row["satisfied"], row["surveys"]),
            complaints=row["complaints"],
            unresolved=row["unresolved"],
        )
        for row in rows
    ]


def service_sections(report: ServiceQuality, touchpoint_labels: Mapping[str, str]) -> list[Section]:
    """Make the sections of the report of service.

    Parameters
    ----------
    report : ServiceQuality
        The report.
    touchpoint_labels : mapping of str to str
        Touchpoint -> its Chinese name.
    """
    total = report.chain[-1] if report.chain else None
    sentences: tuple[str, ...] = ()
    if total is not None:
        parts = "，".join(
            f"{label} {Percent(total.in_time[step].share)}" for step, label in STEP_LABELS.items()
        )
        sentences = (
            f"各环节时效达标率：{parts}；未结案 {total.open:,} 件，其中超时 {total.overdue:,} 件。",
        )
    headings = [
        f"{label}{part}" for label in STEP_LABELS.values() for part in ("达标率", "95%区间")
    ]
    chain = Section(
        "理赔时效",
        sentences,
        ("机构", *headings, "未结案", "超时"),
        [
            [row.branch or "合计",
             *(value for step in STEPS
               for value in (Percent(row.in_time[step].share), interval(row.in_time[step]))),
             row.open, row.overdue]
            for row in report.chain
        ],
        ("达标：距上一环节的天数不超过标准（claims.toml）；分母为期内完成该环节的赔案",
         "超时：期末等待下一环节的天数超过标准的未结案"),
    )  # fmt: skip
    kinds: tuple[tuple[str, str, list[SatisfactionRow], Mapping[str, str]], ...] = (
        ("满意度与投诉（机构）", "机构", report.branches, {}),
        ("满意度与投诉（触点）", "触点", report.touchpoints, touchpoint_labels),
        ("满意度与投诉（主题）", "主题", report.topics, TOPIC_LABELS),
    )
    return [chain] + [
        Section(
            title,
            (),
            (heading, "回访", "平均分", "满意率", "95%区间", "投诉", "未解决"),
            [
                [labels.get(row.key, row.key), row.surveys,
                 None if row.score is None else round(row.score, 2),
                 Percent(row.satisfied.share), interval(row.satisfied), row.complaints,
                 row.unresolved]
                for row in rows
            ],
            (f"满意：{SATISFIED}分及以上（满分5分）；分母为期内答复的回访",
             f"触点：回访或投诉前{CONTACT_DAYS}天内最后一次主动触达"),
        )
        for title, heading, rows, labels in kinds
    ]  # fmt: skip
