"""Erase customers from rows and lines that wait in quarantine.

Cells of a line that could not be taken apart stand in wrong columns: such a row belongs to whoever
one of its cells names. A line that is no row at all is a text: whose it is cannot be said for sure,
so an erasure forgets the texts of all of them; file and line number stay.
"""

import json
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.checking.settled_rows import read_settled
from features.contracts.reasons import LINES
from features.erasure.belongings import Belongings
from features.imports.waiting_rows import line_id, lines_file
from features.lake import Lake
from features.publishing import published


def waits(lake: Lake, path: Path) -> bool:
    """Check whether a file holds rows in quarantine."""
    return path.relative_to(lake.home).parts[0] == "quarantine" and path.suffix == ".parquet"


def holds_waiting(path: Path, belongings: Belongings) -> bool:
    """Check whether any row in quarantine belongs to one of the customers."""
    with pq.ParquetFile(path) as file:
        return any(
            _owners(batch, belongings).null_count < len(batch) for batch in file.iter_batches()
        )


def write_waiting_without(path: Path, draft: Path, belongings: Belongings) -> Counter[str]:
    """Write a file of rows in quarantine without those of the customers; count theirs.

    Parameters
    ----------
    path, draft : Path
        The file, and where the copy is written.
    belongings : Belongings
        The customers, and what belongs to them.
    """
    gone: Counter[str] = Counter()
    with pq.ParquetFile(path) as file, pq.ParquetWriter(draft, file.schema_arrow) as remaining:
        for batch in file.iter_batches():
            owners = _owners(batch, belongings)
            gone.update(owners.drop_null().to_pylist())
            remaining.write_batch(batch.filter(pc.is_null(owners)))
    return gone


def forget_lines(lake: Lake) -> None:
    """Remove the texts of the lines of the last import that are no rows."""
    path = lines_file(lake)
    if not path.exists():
        return
    lines = [json.loads(text) for text in path.read_text("utf-8").splitlines()]
    if any(line["text"] is not None for line in lines):
        settled = read_settled(lake)
        # Without its text a settled line could not be told from one that waits.
        waiting = [
            line | {"text": None}
            for line in lines
            if line["text"] is None or line_id(lake, line["text"]) not in settled
        ]
        with published(path) as draft:
            texts = [json.dumps(line, ensure_ascii=False) + "\n" for line in waiting]
            draft.write_text("".join(texts), "utf-8")


def _owners(rows: pa.RecordBatch, belongings: Belongings) -> pa.Array:
    """Return the owner of each row: one of these customers, else null."""
    owners = belongings.owners(rows)
    if "reasons" not in rows.schema.names:
        return owners
    torn = [any(reason in LINES for reason in reasons) for reasons in rows["reasons"].to_pylist()]
    if not any(torn):
        return owners
    nobody = pa.nulls(len(rows), pa.string())
    named = pc.if_else(pa.array(torn), belongings.named_anywhere(rows), nobody)
    return pc.coalesce(owners, named)
