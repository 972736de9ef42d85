"""Say why a customer is on a list or not: each part of the condition, each gate, the place."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from features.condition_truth import compile_test
from features.conditions import mentioned, resolve
from features.lake import Lake
from features.segments.settings import load_segments
from features.tags.catalogue import catalogue
from serving.decision.gates import Gate
from serving.lists.questions import readable_columns
from serving.lists.reasons import read_reasons, read_rows
from serving.lists.rules import RULES
from serving.lists.selection import Selection
from serving.predictions.unknown_customers import unknown_customers
from training.models import MODELS

SCORE_LABELS: Mapping[str, str] = {
    "star_level": "星级",
    "star_name": "星级名称",
    "customer_value": "客户价值(元)",
    "expected_claims_cost": "下一年度预期赔款(元)",
    "expected_margin": "下一年度预期边际(元)",
    "lapsed": "已流失",
}


@dataclass(frozen=True)
class ConditionPart:
    """A part of a list's condition, and whether a customer meets it.

    Attributes
    ----------
    text : str
        The part as a condition.
    holds : bool
        Whether it holds for the customer.
    values : dict of str to object
        Column -> the customer's value.
    labels : dict of str to str
        Column -> its Chinese label.
    """

    text: str
    holds: bool
    values: dict[str, Any]
    labels: dict[str, str]


@dataclass(frozen=True)
class Why:
    """Why a customer is on a list or not.

    Attributes
    ----------
    customer_id, name : str
        The customer and the list.
    sent : bool
        Whether they are sent.
    rule : str or None
        The rule that takes them; "condition" if they do not meet it; None if they are sent.
    chinese, english : str
        The answer in words.
    parts : list of ConditionPart
        The parts of the condition that must all hold.
    gates : list of Gate
        Every gate, passed or not; empty if the condition is not met.
    place : int or None
        Their place among those sent.
    rank : int or None
        Their place among all who may be contacted, those of the holdout and those for whom there
        is no room too; None if a gate holds them back.
    of : int
        How many are sent.
    reasons, reasons_english : str
        What moved the prediction most.
    """

    customer_id: str
    name: str
    sent: bool
    rule: str | None
    chinese: str
    english: str
    parts: list[ConditionPart]
    gates: list[Gate]
    place: int | None
    rank: int | None
    of: int
    reasons: str = ""
    reasons_english: str = ""


def explain_customer(
    lake: Lake,
    selection: Selection,
    customer_id: str,
    branches: Collection[str] | None = None,
) -> Why:
    """Explain why a customer is on a list or not.

    Parameters
    ----------
    lake : Lake
        The home.
    selection : Selection
        The list as it would be now, made with `explained={customer_id}`.
    customer_id : str
        The customer.
    branches : collection of str, optional
        Branches whose customers the caller sees; default: all.

    Raises
    ------
    UnknownCustomerError
        If the customer has no scores, was erased, or is not the caller's to see.
    """
    definition = selection.definition
    texts = [f"{definition.model} is not null", definition.where]
    segments = {name: segment.rule for name, segment in load_segments(lake.home).items()}
    columns = {*readable_columns(), *catalogue()}
    trees = [part for text in texts if text for part in _parts(resolve(text, columns, segments))]
    names = {name for tree in trees for name in mentioned(_text(tree), columns)}
    row = read_rows(lake, selection.as_of, sorted({*names, "branch"}), [customer_id]).get(
        customer_id
    )
    erased = customer_id in selection.left_out.get("erased", ())
    if row is None or erased or not (branches is None or row["branch"] in branches):
        raise unknown_customers([customer_id])
    parts = [_check(tree, row, columns) for tree in trees]
    checked = selection.explained.get(customer_id)
    place = next(
        (
            number
            for number, sent in enumerate(selection.sent, 1)
            if sent.customer_id == customer_id
        ),
        None,
    )
    rule = next((name for name, ids in selection.left_out.items() if customer_id in ids), None)
    if place is None and rule is None:
        rule = "condition"
    chinese, english = _answer(rule, place, len(selection.sent), parts)
    reasons = []
    if rule != "condition":
        reasons = read_reasons(lake, definition, selection.as_of, [customer_id])[customer_id]
    return Why(
        customer_id=customer_id,
        name=definition.name,
        sent=place is not None,
        rule=rule,
        chinese=chinese,
        english=english,
        parts=parts,
        gates=checked.gates if checked is not None else [],
        place=place,
        rank=selection.ranks.get(customer_id),
        of=len(selection.sent),
        reasons="；".join(reason.chinese for reason in reasons),
        reasons_english="; ".join(reason.english for reason in reasons),
    )


def _parts(tree: exp.Expr) -> list[exp.Expr]:
    """Split a condition into the parts that must all hold."""
    while isinstance(tree, exp.Paren):
        tree = tree.this
    if isinstance(tree, exp.And):
        return [*_parts(tree.this), *_parts(tree.expression)]
    return [tree]


def _text(tree: exp.Expr) -> str:
    if isinstance(tree, exp.Not) and isinstance(tree.this, exp.Is):
        return f"{_text(tree.this.this)} IS NOT {_text(tree.this.expression)}"
    return str(tree.sql(dialect="duckdb"))


def _check(tree: exp.Expr, row: Mapping[str, Any], columns: Collection[str]) -> ConditionPart:
    text = _text(tree)
    names = mentioned(text, columns)
    holds = compile_test(text, frozenset(columns))(row)
    labels = {name: label_of(name) for name in names}
    return ConditionPart(text, holds, {name: row[name] for name in names}, labels)


def label_of(column: str) -> str:
    """Return the Chinese label of a column of scores or of a tag."""
    if column in MODELS:
        return MODELS[column].label
    return SCORE_LABELS.get(column) or (
        catalogue()[column].label if column in catalogue() else column
    )


def _answer(
    rule: str | None, place: int | None, sent: int, parts: list[ConditionPart]
) -> tuple[str, str]:
    """Write the answer in two languages."""
    if place is not None:
        return f"在名单上，第{place}位(共{sent}位)", f"on the list, place {place} of {sent}"
    if rule == "condition":
        failed = "; ".join(part.text for part in parts if not part.holds)
        return f"不在名单上：不符合条件 {failed}", f"not on the list: {failed} does not hold"
    words = RULES[str(rule)]
    return f"不在名单上：{words.chinese}", f"not on the list: {words.english}"
