"""Propose which new column of a file is a missing one under another heading."""

from collections.abc import Mapping as Map
from collections.abc import Sequence

import pyarrow as pa

from features.contracts.tables import CONTRACTS
from features.errors import likeness
from features.imports.mapping import ColumnMap, Mapping
from features.imports.matching.vocabulary import normalise, score_heading
from features.imports.reading.text_tables import TextTable
from features.imports.typed_rows import select_values
from features.imports.values import read_column
from features.imports.versions import known_rows
from features.lake import Lake
from features.sql import quoted

SAMPLE = "drift_sample"
LIKELY = 0.55
"""Score from which a new column is taken for a missing one."""


def propose_renames(
    lake: Lake,
    mapping: Mapping,
    source: str,
    gone: Sequence[str],
    samples: Map[str, Sequence[str]],
) -> dict[str, str]:
    """Suggest new headings for missing ones, by how alike headings and values are.

    Parameters
    ----------
    lake : Lake
        Its raw tables say which values are known.
    mapping : Mapping
        Says how a column is read.
    source : str
        The source.
    gone : sequence of str
        Headings that are missing.
    samples : mapping of str to sequence of str
        New heading -> its first cells.

    Returns
    -------
    dict of str to str
        Missing heading -> new one; none of them twice.
    """
    scores = sorted(
        (
            (_score(lake, mapping, source, old, new, cells), old, new)
            for old in gone
            for new, cells in samples.items()
        ),
        reverse=True,
    )
    pairs: dict[str, str] = {}
    for score, old, new in scores:
        if score >= LIKELY and old not in pairs and new not in pairs.values():
            pairs[old] = new
    return pairs


def _score(
    lake: Lake, mapping: Mapping, source: str, old: str, new: str, cells: Sequence[str]
) -> float:
    heading = likeness(normalise(old), normalise(new))
    values = 0.0
    for part in mapping.tables:
        for name, column in part.columns.items() if part.source == source else ():
            if column.heading == old:
                heading = max(heading, score_heading(new, part.name, name))
                values = max(values, _alike(lake, mapping, part.name, name, column, cells))
    return 0.5 * heading + 0.5 * values


def _alike(
    lake: Lake, mapping: Mapping, table: str, name: str, column: ColumnMap, cells: Sequence[str]
) -> float:
    """Return the share of cells that can be read as a column, and are known there if it is."""
    if not cells or column.order == "ask":
        return 0.0
    contract, con = CONTRACTS[table], lake.con
    sample = TextTable(SAMPLE, (str(column.heading),), [])
    alone = column.model_copy(update={"joined": ()})
    reading = read_column(contract, name, alone, sample, mapping, lake.settings.timezone)
    texts = pa.array(cells, pa.string())
    con.register(SAMPLE, pa.table({"c0": texts, "_kind": pa.nulls(len(texts), pa.string())}))
    values = f"(SELECT v_{name} AS v FROM ({select_values([reading], sample)}))"
    known = "v IS NOT NULL"
    if list(lake.raw(table).glob("*.parquet")):
        known = f"v IN (SELECT {quoted(name)} FROM {known_rows(lake, contract)})"
    try:
        read, seen = con.execute(
            f"SELECT count(v), count(*) FILTER ({known}) FROM {values}"
        ).fetchone() or (0, 0)
    finally:
        con.unregister(SAMPLE)
    return float(0.5 * read + 0.5 * seen) / len(cells)
