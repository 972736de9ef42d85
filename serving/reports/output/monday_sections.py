"""Arrange Monday's report in its parts, each with what it says in words."""

from serving.lists.rules import RULES
from serving.reports.expected import SOURCES
from serving.reports.monday import MondayReport
from serving.reports.output.sections import (
    CONDITION,
    Cell,
    Percent,
    Section,
    definition_notes,
    funnel_sections,
    interval,
    office_name,
)
from serving.reports.settings import LEVELS


def monday_sections(report: MondayReport) -> list[Section]:
    """Make the sections of Monday's report.

    Parameters
    ----------
    report : MondayReport
        The report.
    """
    return [
        _due(report),
        _standing(report),
        *funnel_sections(report.funnel)[1:],
        _prices(report),
        _risks(report),
        _calls(report),
        _margins(report),
        _holes(report),
    ]


def _due(report: MondayReport) -> Section:
    section = funnel_sections(report.funnel)[0]
    sentences = [*section.sentences, *standing_sentences(report), *forecast_sentences(report)]
    return Section(section.title, tuple(sentences), section.headings, section.rows, section.notes)


def standing_sentences(report: MondayReport) -> list[str]:
    """Say how the month stands against expectation, and which offices lie outside their bounds.

    Parameters
    ----------
    report : MondayReport
        The report.
    """
    compared = report.comparisons
    if compared is None:
        return []
    ahead = compared.renewed - compared.expected
    text = (
        f"其中 {compared.terms:,} 张有预期：预期续保 {compared.expected:.0f} 张（偶然波动范围 "
        f"{compared.low:.0f}–{compared.high:.0f}），实际 {compared.renewed:,} 张，"
        f"{'多' if ahead >= 0 else '少'} {abs(ahead):.0f} 张"
        f"{'，在偶然波动之内' if compared.low <= compared.renewed <= compared.high else ''}。"
    )
    names = {row.key: office_name(report.funnel, row) for row in report.funnel.offices}
    outside = [
        f"{names.get(key, key)}（{'高于' if one_office.difference > 0 else '低于'}预期）"
        for key, one_office in compared.offices.items()
        if one_office.outside
    ]
    label = LEVELS[report.funnel.by]
    if outside:
        flagged = f"超出漏斗图界限的{label} {len(outside)} 个：{'、'.join(outside[:8])}"
        flagged += "等" if len(outside) > 8 else ""
    else:
        flagged = f"没有{label}超出漏斗图界限"
    sentences = [
        text, f"{flagged}（即使毫无差别，平均也有5%会超出）。"
    ]  # fmt: skip
    if report.expectations.learned:
        sentences.append(
            f"其中 {report.expectations.learned:,} 张的结果模型训练时可能已经见过，预期会偏向实际。"
        )
    return sentences


def forecast_sentences(report: MondayReport) -> list[str]:
    """Say how the month will end.

    Parameters
    ----------
    report : MondayReport
        The report.
    """
    end = report.forecast
    if end is None or end.low == end.high or not end.due:
        return []
    rate, low, high = (count / end.due for count in (end.forecast, end.low, end.high))
    learned = f"按前 {end.months} 个月的偏差" if end.months else "按模型概率"
    return [
        f"预计月末续保 {end.forecast:.0f} 张（95%预测区间 {end.low:,}–{end.high:,}），续保率 "
        f"{Percent(rate)}({low:.1%}–{high:.1%})，{learned}。"
    ]


def _standing(report: MondayReport) -> Section:
    names = {row.key: office_name(report.funnel, row) for row in report.funnel.offices}
    label = LEVELS[report.funnel.by]
    compared = report.comparisons
    offices = [] if compared is None else sorted(
        compared.offices.items(), key=lambda pair: (pair[1].difference, pair[0])
    )  # fmt: skip
    sources = "，".join(
        f"{SOURCES[name]} {count:,} 张" for name, count in report.expectations.sources.items()
    )
    return Section(
        "与预期比较",
        (f"预期的来源：{sources}。",) if sources else ("没有预期可比。",),
        (label, "已到期", "已续保", "预期续保", "超出预期", "续保率", "界限", "超出界限",
         "收缩后差异（百分点）", "95%区间（百分点）"),
        [
            [
                names.get(key, key), row.terms, row.renewed, round(row.expected, 1),
                round(row.difference, 1), Percent(row.renewed / row.terms),
                f"{row.low:.1%}–{row.high:.1%}", "是" if row.outside else "",
                round(100 * row.shrunk, 2) + 0.0,
                f"{_points(row.shrunk_low)} 至 {_points(row.shrunk_high)}",
            ]
            for key, row in offices
        ],
        definition_notes("expected", "difference", "shrunk"),
    )  # fmt: skip


def _prices(report: MondayReport) -> Section:
    return Section(
        "价格与续保",
        ("报价相对到期保费的变化，与续保率。",),
        ("报价变化", "已到期", "已续保", "续保率", "95%区间"),
        [
            [row.band, row.renewed.of, row.renewed.yes, Percent(row.renewed.share),
             interval(row.renewed)]
            for row in report.prices
        ],
        ("报价变化：最后一次报价 / 到期保单签单保费 - 1",),
    )  # fmt: skip


def _risks(report: MondayReport) -> Section:
    return Section(
        "涨价与风险",
        ("涨价是否落在出险多的客户身上。",),
        ("到期年度出险", "已报价", "变化中位数", "涨价占比", "95%区间", "续保率"),
        [
            [row.risk, row.renewed.of, Percent(row.change, signed=True),
             Percent(row.dearer.share), interval(row.dearer), Percent(row.renewed.share)]
            for row in report.risks
        ],
        ("涨价：报价变化超过设定的幅度（report.toml 的 price_rise）",),
    )  # fmt: skip


def _calls(report: MondayReport) -> Section:
    calls = report.calls
    if calls is None:
        return Section("本周待联系", ("当日没有评分，不能列出待联系客户。",), (), [], ())
    matched, free = (
        sum(getattr(row, name) for row in calls.rows) for name in ("matched", "to_call")
    )
    left: dict[str, int] = {}
    for row in calls.rows:
        for bar, count in row.left_out.items():
            left[bar] = left.get(bar, 0) + count
    rules = [rule for name, rule in RULES.items() if name in left]
    barred = "".join(f"，{rule.chinese} {left[rule.name]:,}" for rule in rules)
    return Section(
        "本周待联系",
        (f"即将到期且未续保 {matched:,} 人{barred}，可联系 {free:,} 人。",),
        ("机构", "客户经理", "即将到期", *(rule.chinese for rule in rules), "可联系", CONDITION),
        [
            [row.branch, row.manager if row.name == row.manager else f"{row.name} {row.manager}",
             row.matched, *(row.left_out.get(rule.name, 0) for rule in rules), row.to_call,
             row.condition or ""]
            for row in calls.rows
        ],
        ("可联系：即将到期且未续保的客户，减去名单各项规则剔除的（docs/lists.md）",
         f'全部名单：guanjia list renewal_risk --where "{calls.condition}"'),
    )  # fmt: skip


def _margins(report: MondayReport) -> Section:
    rows: list[list[Cell]] = [
        [
            "续保" if row.renewed else "流失", row.terms, round(row.premium),
            Percent(row.loss_ratio), Percent(row.expense_ratio), Percent(row.combined_ratio),
            None if row.expected_margin is None else round(row.expected_margin),
            "—" if row.margin_low is None or row.margin_high is None
            else f"{row.margin_low:.0f} 至 {row.margin_high:.0f}",
            row.with_margin, row.good,
        ]
        for row in report.margins
    ]  # fmt: skip
    return Section(
        "留住的是好客户吗",
        margin_sentences(report),
        ("结果", "保单", "签单保费（元）", "赔付率", "费用率", "综合成本率", "预期边际（元/张）",
         "95%区间", "有预期的", "其中边际为正"),
        rows,
        definition_notes("loss_ratio", "expense_ratio", "combined_ratio", "expected_margin"),
    )  # fmt: skip


def margin_sentences(report: MondayReport) -> tuple[str, ...]:
    """Say how many of the good customers were kept, beside the others.

    Parameters
    ----------
    report : MondayReport
        The report.
    """
    good = {row.renewed: row.good for row in report.margins}
    poor = {row.renewed: row.with_margin - row.good for row in report.margins}
    if not sum(good.values()) or not sum(poor.values()):
        return ()
    rates = [counts.get(True, 0) / sum(counts.values()) for counts in (good, poor)]
    return (
        f"预期边际为正的客户续保率 {rates[0]:.1%}（{sum(good.values()):,} 张），"
        f"为负的 {rates[1]:.1%}（{sum(poor.values()):,} 张）。",
    )


def _holes(report: MondayReport) -> Section:
    return Section(
        "数据缺口",
        () if report.holes else ("没有发现缺口。",),
        ("缺口", "张数", "总数"),
        [[hole.chinese, hole.count, hole.of] for hole in report.holes],
        (),
    )


def _points(share: float) -> str:
    """Write a difference in percentage points; without a sign where nothing differs."""
    return f"{100 * share:+.1f}" if round(share, 3) else "0.0"
