"""Report how customers moved along entry, stickiness and trust, and what winning them cost."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta

from features.accounts.account import accounts
from features.errors import InputError
from features.lake import Lake
from features.lake.plain_rows import plain_rows
from features.lake.spine import spine_of_customers
from features.progress import quiet
from features.snapshots.tag_queries import group_queries
from features.tags.catalogue import catalogue, with_sources
from features.tags.groups.life_cycle import STAGES
from serving.reports.output.sections import Section
from serving.reports.terms import people_sql

TAG = "life_cycle_stage"
STAGE_TABLE = "report_stages"
NEW = "new"
LABELS = {**STAGES, NEW: "新建档"}


@dataclass(frozen=True)
class StageMove:
    """Customers who were in a stage at the beginning and in a stage at the end.

    Attributes
    ----------
    before, after : str
        Stages: entry, stickiness, trust; `before` is "new" for who was not known yet.
    customers : int
        How many.
    acquisition, service, contact : float
        What they cost in the period, yuan: winning them, services used, contacts.
    premium : float
        What they paid in premiums of terms that began in the period, yuan.
    """

    before: str
    after: str
    customers: int
    acquisition: float
    service: float
    contact: float
    premium: float


@dataclass(frozen=True)
class StageMovement:
    """Stages on two dates.

    Attributes
    ----------
    since, as_of : date
        The two dates.
    moves : list of StageMove
        By stage of the beginning and of the end.
    """

    since: date
    as_of: date
    moves: list[StageMove]


def report_stages(
    lake: Lake, since: date, as_of: date, branches: Collection[str] | None = None
) -> StageMovement:
    """Report how customers moved along entry, stickiness and trust between two dates.

    Both stages use only what was known at their date. Costs are those of the accounts after
    `since`, up to `as_of`.

    Parameters
    ----------
    lake : Lake
        The home with checked tables.
    since, as_of : date
        The two dates.
    branches : collection of str, optional
        Only customers of these branches; default: all.

    Raises
    ------
    GuanjiaError
        If the dates are not in order.
    """
    if since >= as_of:
        raise InputError(
            f"dates {since} and {as_of}",
            "are not in order",
            "give the earlier first",
            chinese=(f"日期 {since} 与 {as_of}", "先后颠倒", "请把较早的写在前面"),
        )
    group = catalogue()[TAG].group
    spine = spine_of_customers(lake, [since, as_of])
    with group_queries(lake, spine, quiet, chosen=with_sources([TAG])) as queries:
        lake.con.execute(
            f"CREATE OR REPLACE TEMP TABLE {STAGE_TABLE} AS SELECT customer_id, as_of, {TAG}"
            f" FROM ({queries[group]})"
        )
    spent = accounts(lake, since + timedelta(days=1), as_of, "customer").rows
    lake.con.register("report_accounts", spent)
    try:
        rows = plain_rows(
            lake.con.execute(
                f"""
                SELECT coalesce(b.{TAG}, '{NEW}') AS before, a.{TAG} AS after,
                    count(*) AS customers,
                    coalesce(sum(s.acquisition_cost), 0)::DOUBLE AS acquisition,
                    coalesce(sum(s.service_cost), 0)::DOUBLE AS service,
                    coalesce(sum(s.contact_cost), 0)::DOUBLE AS contact,
                    coalesce(sum(s.written_premium), 0)::DOUBLE AS premium
                FROM (SELECT * FROM {STAGE_TABLE} WHERE as_of = DATE '{as_of}') a
                JOIN ({people_sql(lake, as_of, branches)}) c USING (customer_id)
                LEFT JOIN (SELECT * FROM {STAGE_TABLE} WHERE as_of = DATE '{since}') b
                    USING (customer_id)
                LEFT JOIN report_accounts s ON s.key = a.customer_id
                GROUP BY 1, 2 ORDER BY 1, 2
                """
            ).to_arrow_table()
        )
    finally:
        lake.con.unregister("report_accounts")
        lake.con.execute(f"DROP TABLE IF EXISTS {STAGE_TABLE}")
    order = list(LABELS)
    moves = [StageMove(**row) for row in rows]
    moves.sort(key=lambda move: (order.index(move.before), order.index(move.after)))
    return StageMovement(since, as_of, moves)


def stage_sections(report: StageMovement) -> list[Section]:
    """Make the section of the movement of stages.

    Parameters
    ----------
    report : StageMovement
        The report.
    """
    order = list(STAGES)
    forward = sum(
        move.customers
        for move in report.moves
        if move.before in order and order.index(move.after) > order.index(move.before)
    )
    back = sum(
        move.customers
        for move in report.moves
        if move.before in order and order.index(move.after) < order.index(move.before)
    )
    fresh = [move for move in report.moves if move.before == NEW]
    text = f"向前 {forward:,} 人，后退 {back:,} 人。"
    if count := sum(move.customers for move in fresh):
        cost = sum(move.acquisition for move in fresh)
        text += f"新建档 {count:,} 人，获客成本 {cost:,.0f} 元，人均 {cost / count:,.0f} 元。"
    return [
        Section(
            "客户关系阶段",
            (text,),
            ("期初", "期末", "人数", "获客成本（元）", "人均获客（元）", "服务成本（元）",
             "触达成本（元）", "签单保费（元）"),
            [
                [LABELS[move.before], LABELS[move.after], move.customers, round(move.acquisition),
                 round(move.acquisition / move.customers, 2), round(move.service),
                 round(move.contact), round(move.premium)]
                for move in report.moves
            ],
            (
                "阶段：标签 life_cycle_stage 在两个日期的取值；"
                "成本：期内客户账户（docs/account.md）",
            ),
        )
    ]  # fmt: skip
