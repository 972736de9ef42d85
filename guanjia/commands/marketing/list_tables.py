"""Show previews and explanations of lists as tables, in Chinese and English."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from guanjia.terminal.output import Table, table

if TYPE_CHECKING:
    from serving.lists.expectation import Expectation, Sum
    from serving.lists.preview import Preview
    from serving.lists.why import Why


def preview_tables(preview: "Preview") -> list[Table | str]:
    """Build what a preview shows: the waterfall, the mix, the worth, the overlap."""
    waterfall = [
        {"step": f"{step.chinese} {step.english}", "customers": step.customers, "left": step.left}
        for step in preview.waterfall
    ]
    shown: list[Table | str] = [
        table(f"{preview.label} {preview.name} as of {preview.as_of}", waterfall),
        f"{preview.held_out:,} of the holdout would be frozen with them, and not contacted."
        f" Consent {preview.consent}.",
    ]
    if preview.expectation is not None:
        shown.append(table("Expected 预期", _expected(preview.expectation)))
        shown.append(_bases(preview.expectation))
    shown.append(_mix("By star 星级", "star", preview.stars))
    shown.append(_mix("By branch 机构", "branch", preview.branches))
    if len(preview.days) > 1:
        days = {str(day): number for day, number in preview.days.items()}
        shown.append(_mix("By day of work 触达日", "day", days))
    if preview.overlaps:
        rows = [
            {"list": f"{other.name} {other.label}", "meet its condition": other.meets,
             "on its latest release": other.released}
            for other in preview.overlaps
        ]  # fmt: skip
        shown.append(table("The same customers on other lists 名单重叠", rows))
    return shown


def why_tables(why: "Why") -> list[Table | str]:
    """Build what an explanation shows: the answer, the parts of the condition, the gates."""
    parts = [
        {
            "condition": part.text,
            "holds": part.holds,
            "the customer": ", ".join(
                f"{part.labels[name]} = {_value_text(value)}" for name, value in part.values.items()
            ),
        }
        for part in why.parts
    ]
    shown: list[Table | str] = [
        f"{why.customer_id}: {why.chinese}",
        f"{why.customer_id}: {why.english}",
        table("Condition 条件", parts),
    ]
    if why.gates:
        gates = [
            {"gate": gate.name, "passed": gate.passed, "finding": f"{gate.chinese} {gate.english}"}
            for gate in why.gates
        ]
        shown.append(table("Gates 关口", gates))
    if why.rank is not None:
        shown.append(f"Place {why.rank} among all who may be contacted; {why.of} are sent.")
    if why.reasons:
        shown += [why.reasons, why.reasons_english]
    return shown


def _expected(expectation: "Expectation") -> list[dict[str, Any]]:
    sums: Sequence[tuple[str, Sum | None]] = (
        (f"{expectation.outcome}合计 outcomes", expectation.outcomes),
        ("结果价值（元） worth of the outcomes", expectation.worth),
        ("预期边际（元） margin", expectation.margin),
        ("触达增益（元） added by the contacts", expectation.added),
        ("触达成本（元） cost of the contacts", expectation.cost),
        ("期望价值（元） expected value", expectation.value),
    )
    return [
        {
            "of those sent": words,
            **{
                end: None if value is None else round(value)
                for end, value in (("total", total.total), ("low", total.low), ("high", total.high))
            },
        }
        for words, total in sums
        if total is not None
    ]


def _bases(expectation: "Expectation") -> str:
    counted = ", ".join(f"{basis} {number:,}" for basis, number in expectation.bases.items())
    return (
        f"low to high: 95% prediction intervals. What contacts add comes from: {counted}"
        " (uplift: the lower bound of a learned effect; propensity: an expert's rule)."
    )


def _mix(title: str, name: str, counts: dict[str, int]) -> Table:
    return table(title, [{name: key, "customers": number} for key, number in counts.items()])


def _value_text(value: Any) -> str:
    return "null" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
