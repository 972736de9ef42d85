"""Say why a customer is on a list or not: each part of the condition, each gate, the place."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlglot import exp

from features.condition_forms.condition import read_condition
from features.condition_forms.vocabulary import Vocabulary
from features.condition_truth import compile_test
from features.conditions import mentioned, resolve
from features.errors import GuanjiaError
from features.lake import Lake
from features.segments.settings import load_segments
from features.tags.catalogue import catalogue
from serving.decision.gates import Gate
from serving.lists.conditions.vocabulary import list_vocabulary
from serving.lists.questions import readable_columns
from serving.lists.reasons import read_reasons, read_rows
from serving.lists.rules import RULES
from serving.lists.selection import Selection
from serving.lists.standing import SENT, Standing
from serving.predictions.unknown_customers import unknown_customers
from serving.tag_words import is_absent, words_of
from training.models import MODELS

BOUNDS = ("capacity", "size", "budget")
"""Rules of the list as a whole: there is no more room."""
CONDITION, HOLDOUT = "condition", "holdout"
SCORE_LABELS: Mapping[str, str] = {
    "star_level": "星级",
    "star_name": "星级名称",
    "customer_value": "客户价值（元）",
    "expected_claims_cost": "下一年度预期赔款（元）",
    "expected_margin": "下一年度预期边际（元）",
}


@dataclass(frozen=True)
class ConditionPart:
    """A part of a list's condition, and whether a customer meets it.

    Attributes
    ----------
    text, chinese : str
        The part as a condition, in plain form and in Chinese.
    holds : bool
        Whether it holds for the customer.
    values : dict of str to object
        Column -> the customer's value.
    labels : dict of str to str
        Column -> its Chinese label.
    words : dict of str to (str, str)
        Column -> the customer's value in words, Chinese and English.
    """

    text: str
    chinese: str
    holds: bool
    values: dict[str, Any]
    labels: dict[str, str]
    words: dict[str, tuple[str, str]]


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
    at : datetime
        The instant at which the others of the list stood so.
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
    at: datetime
    reasons: str = ""
    reasons_english: str = ""


def explain_customer(
    lake: Lake,
    own: Selection,
    standing: Standing,
    customer_id: str,
    branches: Collection[str] | None = None,
) -> Why:
    """Explain why a customer is on a list or not.

    Parameters
    ----------
    lake : Lake
        The home.
    own : Selection
        The list as it would be now of the customer alone, made with `only=customer_id`.
    standing : Standing
        Where all stand, which agrees with it (`is_of`).
    customer_id : str
        The customer.
    branches : collection of str, optional
        Branches whose customers the caller sees; default: all.

    Raises
    ------
    UnknownCustomerError
        If the customer has no scores, was erased, or is not the caller's to see.
    """
    definition = own.definition
    texts = [f"{definition.model} is not null", definition.where]
    segments = {name: segment.rule for name, segment in load_segments(lake.home).items()}
    columns = {*readable_columns(), *catalogue()}
    trees = [part for text in texts if text for part in _parts(resolve(text, columns, segments))]
    names = {name for tree in trees for name in mentioned(_text(tree), columns)}
    row = read_rows(lake, own.as_of, sorted({*names, "branch"}), [customer_id]).get(customer_id)
    rule = own_rule(own)
    if row is None or rule == "erased" or not (branches is None or row["branch"] in branches):
        raise unknown_customers([customer_id])
    vocabulary = list_vocabulary(lake, readable_columns())
    parts = [_check(tree, row, columns, vocabulary) for tree in trees]
    place = rank = None
    if rule is None or rule in BOUNDS:
        place, rank = standing.place_of(customer_id), standing.rank_of(customer_id)
        rule = None if place is not None else standing.rule_of(customer_id)
    elif rule == HOLDOUT:
        rank = standing.rank_of(customer_id)
    chinese, english = _answer(rule, place, standing.sent, parts)
    reasons = []
    if rule != CONDITION:
        reasons = read_reasons(lake, definition, own.as_of, [customer_id])[customer_id]
    return Why(
        customer_id=customer_id,
        name=definition.name,
        sent=place is not None,
        rule=rule,
        chinese=chinese,
        english=english,
        parts=parts,
        gates=own.checked[0].gates if own.checked else [],
        place=place,
        rank=rank,
        of=standing.sent,
        at=standing.at,
        reasons="；".join(reason.chinese for reason in reasons),
        reasons_english="; ".join(reason.english for reason in reasons),
    )


def own_rule(own: Selection) -> str | None:
    """Name what takes the customer of a selection of one; None: nothing of their own does."""
    return CONDITION if not own.matched else next(iter(own.left_out), None)


def is_of(standing: Standing, own: Selection, customer_id: str) -> bool:
    """Check whether a standing of a moment ago still agrees with a customer's own gates.

    Whom their own gates hold back needs no standing. Of others it must say a place, or that the
    list was full: what it says of them is not so if a gate held them back then.

    Parameters
    ----------
    standing : Standing
        Where all stood.
    own : Selection
        The list of the customer alone.
    customer_id : str
        The customer.
    """
    rule = own_rule(own)
    if rule is not None and rule not in BOUNDS:
        return True
    return standing.rule_of(customer_id) in (SENT, *BOUNDS)


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


def _check(
    tree: exp.Expr, row: Mapping[str, Any], columns: Collection[str], vocabulary: Vocabulary
) -> ConditionPart:
    text = _text(tree)
    names = mentioned(text, columns)
    try:
        chinese = read_condition(text, vocabulary).chinese
    except GuanjiaError:
        chinese = text  # a rule of a segment may test what conditions of lists cannot
    return ConditionPart(
        text=text,
        chinese=chinese,
        holds=compile_test(text, frozenset(columns))(row),
        values={name: row[name] for name in names},
        labels={name: label_of(name) for name in names},
        words={name: _value_words(name, row[name]) for name in names},
    )


def _value_words(column: str, value: Any) -> tuple[str, str]:
    """Put the value of a tag or score into words, in Chinese and in English."""
    tag = catalogue().get(column)
    if tag is not None:
        return words_of(value, tag.unit, tag.label)
    model = MODELS.get(column)
    if model is not None and model.kind == "probability" and not is_absent(value):
        return f"{value:.1%}", f"{value:.1%}"
    if isinstance(value, date):
        return value.isoformat(), value.isoformat()
    return words_of(value, "")


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
        return f"在名单上，第{place}位（共{sent}位）", f"on the list, place {place} of {sent}"
    if rule == CONDITION:
        failed = [part for part in parts if not part.holds]
        chinese = "；".join(part.chinese for part in failed)
        english = "; ".join(part.text for part in failed)
        return f"不在名单上：不符合条件 {chinese}", f"not on the list: {english} does not hold"
    words = RULES[str(rule)]
    return f"不在名单上：{words.chinese}", f"not on the list: {words.english}"
