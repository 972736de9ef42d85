"""Check what a target list asks for, before any data is read.

Importing this waits for neither pandas nor the models, so that a misspelt column is reported at
once.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from features.condition_forms.condition import Condition, all_of, read_condition
from features.condition_forms.structure import Test
from features.conditions import compared_texts, compile_condition
from features.errors import GuanjiaError, UnknownNameError, unknown_name
from features.lake import Lake
from features.tags.catalogue import catalogue
from serving.lists.conditions.vocabulary import list_vocabulary
from serving.lists.definitions.definition import (
    EXPECTED_VALUE,
    ListDefinition,
    ListDefinitionError,
    declared_definitions,
)
from serving.predictions.scores_file import score_columns
from training.model_spec import ModelSpec, TargetList
from training.models import MODELS

PERSONAL_HEADINGS = ("客户号", "姓名", "手机号")
"""Headings of lists that no condition can ask for."""


@dataclass(frozen=True)
class ListQuestion:
    """A list with its conditions, compiled to SQL over scores and tags.

    Attributes
    ----------
    definition : ListDefinition
        What is asked for, its condition in plain form.
    conditions : list of str
        Conditions that must all hold.
    left_out : dict of str to str
        Segment whose customers are left out -> its condition.
    columns : list of str
        Scores and tags that the conditions, the order and the file name.
    texts : list of (str, str)
        Columns and the texts that the conditions of a person ask of them.
    condition : Condition
        All conditions together, to be counted.
    """

    definition: ListDefinition
    conditions: list[str]
    left_out: dict[str, str]
    columns: list[str]
    texts: list[tuple[str, str]]
    condition: Condition


def declared_lists() -> Mapping[str, tuple[ModelSpec, TargetList]]:
    """Return all declared lists by name, each with the model it is drawn from."""
    return {target.name: (spec, target) for spec in MODELS.values() for target in spec.lists}


def readable_columns() -> list[str]:
    """List the columns of scores that conditions and lists may name."""
    return [name for name in score_columns() if name != "model_versions"]


def check_list(lake: Lake, name: str, where: str | None, top: int = 1) -> ListQuestion:
    """Compile the conditions of a declared list.

    Parameters
    ----------
    lake : Lake
        The home whose segments conditions may name.
    name : str
        Name of the list.
    where : str, optional
        Narrows the list's own condition, as people type it (docs/conditions.md).
    top : int
        Maximal number of customers.

    Raises
    ------
    GuanjiaError
        If the list is unknown, nobody is asked for, or as `check_definition`.
    """
    lists = declared_definitions()
    if name not in lists:
        raise unknown_name("list", name, lists)
    if top < 1:
        raise GuanjiaError(f"list of {top} customers", "would be empty", "ask for at least 1")
    return check_definition(lake, lists[name].model_copy(update={"size": top}), where)


def check_definition(
    lake: Lake, definition: ListDefinition, where: str | None = None
) -> ListQuestion:
    """Compile the conditions of a list, and check every name that it uses.

    Parameters
    ----------
    lake : Lake
        The home whose segments conditions may name.
    definition : ListDefinition
        The list.
    where : str, optional
        Narrows the list's own condition, as people type it.

    Raises
    ------
    GuanjiaError
        If a column, segment or tag is unknown, a condition is not valid, or a segment is named
        like a score.
    """
    tags = catalogue()
    columns = list(dict.fromkeys([*readable_columns(), *tags]))
    vocabulary = list_vocabulary(lake, readable_columns())
    rules = vocabulary.rules
    for segment in definition.not_in_segments:
        if segment not in rules:
            raise unknown_name("segment", segment, rules)
    for name in definition.columns:
        if name not in tags:
            raise unknown_name("tag", name, tags)
    for term in definition.terms:
        if term.column not in (*columns, EXPECTED_VALUE):
            raise unknown_name("column", term.column, [*columns, EXPECTED_VALUE])
    try:
        own = [read_condition(text, vocabulary) for text in (definition.where, where) if text]
        scored = Condition(Test(definition.model, "is not null"), vocabulary)
        texts = [condition.plain for condition in (scored, *own)]
        conditions = [compile_condition(text, {*columns}, rules) for text in texts]
        left_out = {
            segment: compile_condition(rules[segment], {*columns}, {})
            for segment in definition.not_in_segments
        }
    except UnknownNameError as error:
        raise _of_heading(error) from None
    except GuanjiaError as error:
        raise ListDefinitionError.of(error) from None
    compiled = [*conditions, *left_out.values()]
    named = {column for column in columns if any(f'"{column}"' in text for text in compiled)}
    named |= {*definition.columns, *(term.column for term in definition.terms)}
    compared = [
        pair
        for text in texts
        if not _names_any(text, rules)
        for pair in compared_texts(text, {*columns})
    ]
    used = [column for column in columns if column in named]
    plain = definition.model_copy(update={"where": texts[1] if definition.where else ""})
    return ListQuestion(plain, conditions, left_out, used, compared, all_of([scored, *own]))


def read_where(lake: Lake, where: str | Mapping[str, Any], as_of: date | None = None) -> Condition:
    """Read a condition over tags, scores and segments, as people type it or a page builds it.

    Parameters
    ----------
    lake : Lake
        The home whose segments it may name.
    where : str or mapping
        The condition (docs/conditions.md).
    as_of : date, optional
        Date of the tags whose values, such as branches, are known; default: any text is taken.

    Raises
    ------
    GuanjiaError
        If it cannot be read, or names what is unknown, ambiguous, or a person.
    """
    try:
        return read_condition(where, list_vocabulary(lake, readable_columns(), as_of))
    except UnknownNameError as error:
        raise _of_heading(error) from None
    except GuanjiaError as error:
        raise ListDefinitionError.of(error) from None


def chinese_of(lake: Lake, conditions: Iterable[str]) -> dict[str, str]:
    """Write stored conditions in Chinese; one that names what is gone stays as it is.

    Parameters
    ----------
    lake : Lake
        The home whose segments they may name.
    conditions : iterable of str
        The conditions; an empty one stays empty.
    """
    vocabulary, written = list_vocabulary(lake, readable_columns()), {}
    for text in conditions:
        try:
            written[text] = read_condition(text, vocabulary).chinese if text.strip() else ""
        except GuanjiaError:
            written[text] = text
    return written


def chinese_order(lake: Lake, definition: ListDefinition) -> str:
    """Write the order of a list in Chinese."""
    columns = list_vocabulary(lake, readable_columns()).columns
    terms = (
        (columns[term.column].label if term.column in columns else term.column, term.descends)
        for term in definition.terms
    )
    return "，".join(f"{label}从{'高到低' if descends else '低到高'}" for label, descends in terms)


def _names_any(where: str, names: Collection[str]) -> bool:
    return any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", where) for name in names)


def _of_heading(error: UnknownNameError) -> UnknownNameError:
    """Say of a heading that names a person that it cannot be asked for."""
    heading = error.thing.removeprefix("column ")
    if heading in PERSONAL_HEADINGS:
        cure = "ask for scores and tags (docs/tags.md); who a customer is cannot be asked for"
        chinese = f"列 {heading}", "是个人信息，不能用来筛选", "请用评分和标签筛选（见标签目录）"
        return UnknownNameError(error.thing, "cannot be asked for", cure, chinese=chinese)
    return error
