"""Score how well the words of a heading name a column, by the meanings that the column wants."""

from functools import cache

import ibis.expr.datatypes as dt

from features.contracts.tables import CONTRACTS
from features.imports.matching.words import Reading, known_words, readings_of

FULL = 0.92
"""Score of a heading whose every word is explained by the column."""
LATER, STRANGE = 0.02, 0.1
"""What the place of a column's wording, and a word it does not explain, take off the score."""
OWNERS = {
    "customer_id": "customers", "vehicle_id": "vehicles", "policy_id": "policies",
    "claim_id": "claims", "line": "policies", "channel": "policies", "branch": "customers",
    "account_manager_id": "customers",
}  # fmt: skip
"""Columns of many tables -> the table that has their wording."""


def score_words(heading: str, table: str, column: str) -> float:
    """Score how well the words of a heading name a column: 0 to `FULL`.

    Parameters
    ----------
    heading : str
        As it stands in the file.
    table, column : str
        Of the contracts.
    """
    return max((_score(reading, table, column) for reading in readings_of(heading)), default=0.0)


def _score(reading: Reading, table: str, column: str) -> float:
    words = known_words()
    never = set(words.never["words"])
    beside = _beside(table, column)
    best = 0.0
    for place, wording in enumerate(_wordings(table, column)):
        needed = set(wording.split())
        if not needed <= reading.meanings:
            continue
        others = reading.meanings - needed - beside
        if others & never or (others and column.endswith("_id")):
            continue  # The number of another thing is not a worse number of this one.
        off = LATER * min(place, 4) + STRANGE * (len(others) + reading.strange) + reading.guess
        best = max(best, FULL - off)
    return best


@cache
def _wordings(table: str, column: str) -> tuple[str, ...]:
    columns = known_words().columns
    if column == "recorded_at":
        return ("updated date", "updated")
    own = columns.get(table, {}).get(column)
    return own or columns.get(OWNERS.get(column, table), {}).get(column, ())


@cache
def _beside(table: str, column: str) -> frozenset[str]:
    """Return the meanings that say nothing in a heading of a column."""
    neutral = known_words().neutral
    contract = CONTRACTS[table]
    type_ = contract.columns.get(column, dt.Timestamp())
    beside = {*neutral.get(table, ()), *neutral.get(OWNERS.get(column, table), ())}
    if isinstance(type_, dt.Date | dt.Timestamp):
        beside |= {"date"}
    elif isinstance(type_, dt.Decimal):
        beside |= {"amount", "net", "gross", "written"}
    elif isinstance(type_, dt.Integer | dt.Floating):
        beside |= {"count", "number"}
    elif isinstance(type_, dt.Boolean) or contract.declared[column].allowed:
        beside |= {"code", "type", "name", "flag"}
    else:
        beside |= {"number", "code", "name"}
    return frozenset(beside)
