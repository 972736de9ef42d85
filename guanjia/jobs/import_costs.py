"""Say what a missing raw table or column costs: tags, the star, models, from their declarations."""

from collections.abc import Mapping
from dataclasses import dataclass

from features.contracts.tables import CONTRACTS
from features.tags.catalogue import catalogue
from features.tags.lineage import MERGES, tag_columns, tag_tables
from training.models import MODELS

RATING = "rating"
"""The relation of the star and all that belongs to it."""
RECORDED = "recorded_at"
EXAMPLES = 4


@dataclass(frozen=True)
class MissingCost:
    """What a table or a column that is not delivered costs.

    Attributes
    ----------
    missing : str
        "claim_movements", or "policies.ncd_level".
    label : str
        Its Chinese label.
    tags_null : int
        Tags that are null without it.
    tags_poorer : int
        Tags that are computed without what it tells.
    star : str
        "no star", "poorer" or "".
    models : dict of str to int
        Model -> tags of it that are null or poorer.
    examples : tuple of str
        Chinese labels of some of these tags.
    """

    missing: str
    label: str
    tags_null: int
    tags_poorer: int
    star: str
    models: dict[str, int]
    examples: tuple[str, ...]


def missing_costs(missing: Mapping[str, list[str]]) -> list[MissingCost]:
    """Weigh what is missing, the dearest first; what costs nothing is left out.

    Parameters
    ----------
    missing : mapping of str to list of str
        Raw table -> columns that nobody fills; a table is missing if its key is.
    """
    costs = []
    for table, columns in missing.items():
        contract = CONTRACTS[table]
        if contract.key in columns:
            costs.append(_cost(table, contract.label, table, set(contract.columns)))
            continue
        for column in columns:
            label = f"{contract.label}: {contract.declared[column].label}"
            costs.append(_cost(f"{table}.{column}", label, table, {column}))
    costs = [cost for cost in costs if cost.tags_null + cost.tags_poorer]
    return sorted(costs, key=lambda cost: (-cost.tags_null, -cost.tags_poorer, cost.missing))


def _cost(missing: str, label: str, table: str, columns: set[str]) -> MissingCost:
    tags, needs = catalogue(), tag_tables()
    # An import says itself since when a row is known, and without merges nobody was merged.
    reads = {
        tag: {(table, column) for table, column in read if table != MERGES and column != RECORDED}
        for tag, read in tag_columns().items()
    }
    table_missing = len(columns) > 1
    null = {name for name in tags if table_missing and table in needs[name]}
    touched = {(table, column) for column in columns}
    poorer = {name for name in tags if reads[name] & touched} - null
    rated = {name for name, tag in tags.items() if tag.relation == RATING}
    star = "no star" if rated & null else "poorer" if rated & poorer else ""
    models = {
        model: number
        for model, spec in MODELS.items()
        if (number := len((null | poorer) & set(spec.tag_set.tags)))
    }
    lost = sorted(null) or sorted(poorer)
    examples = tuple(tags[name].label for name in lost[:EXAMPLES])
    return MissingCost(missing, label, len(null), len(poorer), star, models, examples)
