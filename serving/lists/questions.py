"""Check what a target list asks for, before any data is read.

Importing this waits for neither pandas nor the models, so that a misspelt column is reported at
once.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from features.condition_forms.condition import read_condition
from features.conditions import compared_texts, compile_condition
from features.errors import GuanjiaError, UnknownNameError, unknown_name
from features.lake import Lake
from features.tags.catalogue import catalogue
from serving.lists.conditions.vocabulary import list_vocabulary
from serving.predictions.scores_file import score_columns
from training.model_spec import ModelSpec, TargetList
from training.models import MODELS

PERSONAL_HEADINGS = ("客户号", "姓名", "手机号")
"""Headings of lists that no condition can ask for."""


@dataclass(frozen=True)
class ListQuestion:
    """A target list with its conditions.

    Attributes
    ----------
    spec : ModelSpec
        The model from whose scores it is drawn.
    target : TargetList
        The list as declared.
    conditions : list of str
        Conditions that must all hold, compiled to SQL over scores and tags.
    columns : list of str
        Scores and tags that the conditions name.
    texts : list of (str, str)
        Columns and the texts that the narrowing condition asks of them.
    """

    spec: ModelSpec
    target: TargetList
    conditions: list[str]
    columns: list[str]
    texts: list[tuple[str, str]]


def declared_lists() -> Mapping[str, tuple[ModelSpec, TargetList]]:
    """Return all lists by name, each with the model it is drawn from."""
    return {target.name: (spec, target) for spec in MODELS.values() for target in spec.lists}


def readable_columns() -> list[str]:
    """List the columns of scores that conditions and lists may name."""
    return [name for name in score_columns() if name != "model_versions"]


def check_list(lake: Lake, name: str, where: str | None, top: int = 1) -> ListQuestion:
    """Compile the conditions of a list.

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
        If the list or a column is unknown, a condition is not valid, a segment is named like a
        score, or nobody is asked for.
    """
    lists = declared_lists()
    if name not in lists:
        raise unknown_name("list", name, lists)
    if top < 1:
        raise GuanjiaError(f"list of {top} customers", "would be empty", "ask for at least 1")
    spec, target = lists[name]
    columns = list(dict.fromkeys([*readable_columns(), *catalogue()]))
    vocabulary = list_vocabulary(lake, readable_columns())
    rules = vocabulary.rules
    try:
        where = read_condition(where, vocabulary).plain if where else None
    except UnknownNameError as error:
        raise _of_heading(error) from None
    texts = (f"{spec.name} is not null", target.where, where)
    conditions = [compile_condition(text, {*columns}, rules) for text in texts if text]
    named = [column for column in columns if any(f'"{column}"' in text for text in conditions)]
    texts_asked = (
        compared_texts(where, {*columns}) if where and not _names_any(where, rules) else []
    )
    return ListQuestion(spec, target, conditions, named, texts_asked)


def _names_any(where: str, names: Collection[str]) -> bool:
    return any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", where) for name in names)


def _of_heading(error: UnknownNameError) -> UnknownNameError:
    """Say of a heading that names a person that it cannot be asked for."""
    heading = error.thing.removeprefix("column ")
    if heading in PERSONAL_HEADINGS:
        cure = "ask for scores and tags (docs/tags.md); who a customer is cannot be asked for"
        return UnknownNameError(error.thing, "cannot be asked for", cure)
    return error
