"""Say which tags and columns models, lists and touchpoints read, from their declarations."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import sqlglot
from sqlglot import exp

from features.conditions import columns_of
from features.contracts.contract import Contract
from features.contracts.tables import CONTRACTS
from features.events.event_types import EVENTS
from features.lake import Lake
from features.lake.known_at import checked_types
from features.tags.catalogue import catalogue
from features.tags.lineage import raw_columns
from features.tags.reads import Column
from serving.lists.questions import readable_columns
from serving.lists.source import contact_queries
from serving.predictions.margin import CURRENT_PREMIUM, FREQUENCY, QUOTED_PREMIUM, SEVERITY
from serving.predictions.scores_file import COST, MARGIN
from serving.touchpoints.catalogue import StageBranch
from serving.touchpoints.fields import Touchpoint
from serving.touchpoints.shared_fields import Shared
from serving.touchpoints.trigger_sql import WHO
from serving.touchpoints.triggers import made_contacts
from training.model_spec import ModelSpec, TargetList
from training.models import MODELS

ANY_INSTANT = datetime(2026, 1, 1, tzinfo=UTC)
"""Queries are written for an instant; which columns they read does not depend on it."""


def model_tags(spec: ModelSpec) -> set[str]:
    """Collect the tags that decide on a model's prediction.

    These are the tags of its set, those that decide whether the question is asked, and those that
    its question follows from.
    """
    extra = {feature.tag for feature in spec.extra if feature.tag}
    return {*spec.tag_set.tags, *spec.rule_tags, *extra}


def list_tags(spec: ModelSpec, target: TargetList) -> tuple[set[str], set[str]]:
    """Collect the tags and the models that a list is filtered by, ordered by and shows.

    Parameters
    ----------
    spec : ModelSpec
        The model that it is drawn from.
    target : TargetList
        The list.

    Returns
    -------
    tags, models : set of str
    """
    tags = set(catalogue())
    readable = {*tags, *readable_columns()}
    order = sqlglot.parse_one(f"SELECT 1 ORDER BY {target.order}", read="duckdb")
    names = {column.name for column in order.find_all(exp.Column)}
    if target.where:
        names |= set(columns_of(target.where, readable))
    names |= set(target.columns)
    if names & {COST, MARGIN}:
        names |= {FREQUENCY, SEVERITY}
    if MARGIN in names:
        names |= {QUOTED_PREMIUM, CURRENT_PREMIUM}
    if "star_name" in names:
        names.add("star_level")
    return names & tags, {spec.name} | (names & MODELS.keys())


def list_columns(lake: Lake) -> set[Column]:
    """Collect the raw columns that lists join themselves: who it is, and who may be contacted."""
    return _read_by(contact_queries(ANY_INSTANT, lake, present=False))


def touchpoint_tags(
    touchpoint: Touchpoint,
    stage_branch: StageBranch,
    variants: Iterable[StageBranch],
    shared: Shared,
) -> set[str]:
    """Collect the tags that decide for whom a touchpoint is due, by which channel, in which words.

    Parameters
    ----------
    touchpoint : Touchpoint
        The touchpoint as declared for a stage and a branch.
    stage_branch : (str or None, str or None)
        That stage and branch.
    variants : iterable of (str or None, str or None)
        All stages and branches for which it is declared.
    shared : Shared
        What touchpoints share: the variables of scripts.
    """
    tags = set(touchpoint.trigger.tags_read)
    for place, tag in enumerate(("branch", "life_cycle_stage")):
        # The order in a variant is stage, branch.
        if any(variant[1 - place] is not None for variant in (stage_branch, *variants)):
            tags.add(tag)
    if touchpoint.stars:
        tags.add("star_level")
    if touchpoint.trigger.daily:
        tags.add(WHO[-1])
    scripts = [
        script for channel in touchpoint.every_channel for script in touchpoint.scripts(channel)
    ]
    names = {name for script in scripts for name in script.variables}
    return tags | {
        variable.tag
        for name, variable in shared.variables.items()
        if name in names and variable.tag
    }


def touchpoint_columns(lake: Lake, touchpoint: Touchpoint) -> set[Column]:
    """Collect the raw columns that decide whether a touchpoint is due, beside its tags.

    These are the instants of the events that make it due, and of daily ones the contacts that were
    made already.
    """
    events = [EVENTS[name] for name in touchpoint.trigger.events]
    columns = {(event.table, event.moment) for event in events}
    if touchpoint.trigger.daily:
        columns |= _read_by({"interactions": made_contacts(lake, ANY_INSTANT)})
    return columns


def _read_by(queries: Mapping[str, str]) -> set[Column]:
    """Collect the columns that queries read, by raw table; each reads one."""
    return {column for table, query in queries.items() for column in _read(query, CONTRACTS[table])}


def _read(query: str, contract: Contract) -> Iterable[Column]:
    tree = sqlglot.parse_one(query, read="duckdb")
    names = {column.name for column in tree.find_all(exp.Column)} & checked_types(contract).keys()
    return raw_columns(contract, names)
