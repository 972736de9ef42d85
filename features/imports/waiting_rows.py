"""Keep the rows of deliveries that cannot go on, until they are delivered rightly or settled.

`<home>/quarantine/import/<table>.parquet` holds the values that could be read, in `_cells` the
cells that could not, as delivered, and where each row came from. Lines that are no row of their
file's layout lie in `lines.jsonl`: those of the last dump, and of increments since; how they are
read when somebody has corrected them, says `mapping.json` beside it.
"""

import hmac
import json
import re
from collections.abc import Collection, Iterable, Mapping
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

from features.checking.settled_rows import read_settled, row_id
from features.contracts.contract import Contract
from features.contracts.tables import CONTRACTS
from features.erased import Erased, erasure_key
from features.imports.mapping import Mapping as ImportMapping
from features.imports.reading.text_tables import Part, TextTable
from features.imports.rows import UNREAD, Prepared
from features.lake import Lake
from features.publishing import published
from features.sql import quoted, sql_text


def waiting_file(lake: Lake, table: str) -> Path:
    """Return the file of the rows of a raw table that wait since their import."""
    return lake.home / "quarantine" / "import" / f"{table}.parquet"


def lines_file(lake: Lake) -> Path:
    """Return the file of the lines of the last delivery that are no rows."""
    return lake.home / "quarantine" / "import" / "lines.jsonl"


def lines_mapping_file(lake: Lake) -> Path:
    """Return the file of the mapping by which the lines of the last delivery were read."""
    return lines_file(lake).with_name("mapping.json")


def line_id(lake: Lake, text: str) -> str:
    """Hash a line that is no row with the key of erasures, as rows are hashed."""
    return hmac.digest(erasure_key(lake.settings), f"line {text}".encode(), "sha256").hex()[:32]


def waiting_id(lake: Lake, contract: Contract) -> str:
    """Write the hash of a waiting row as SQL, over the columns of its file."""
    cells = {name: quoted(name) for name in contract.columns}
    return row_id(lake, contract.name, cells | {"_cells": "nullif(CAST(_cells AS VARCHAR), '{}')"})


def keep_cells(
    lake: Lake,
    mapping: ImportMapping,
    sources: Mapping[str, TextTable],
    tables: Mapping[str, Prepared],
) -> None:
    """Create `waiting_<table>`: the rows that cannot go on, with the cells that cannot be read.

    Parameters
    ----------
    lake : Lake
        Whose engine holds the sources and `ready_<table>`.
    mapping : features.imports.mapping.Mapping
        Where each column comes from.
    sources : mapping of str to TextTable
        The rows of each source.
    tables : mapping of str to Prepared
        The prepared rows, by raw table.
    """
    for name, prepared in tables.items():
        lake.con.execute(f"DROP TABLE IF EXISTS waiting_{name}")
        if not prepared.waiting:
            continue
        headings: dict[str, dict[str, list[str]]] = {}
        for table in mapping.tables:
            if table.name == name:
                of_source = headings.setdefault(table.source, {})
                for column, mapped in table.columns.items():
                    if mapped.heading is not None:
                        of_source.setdefault(column, []).append(mapped.heading)
        parts = [
            _with_cells(name, source, sources[source], of_source)
            for source, of_source in headings.items()
        ]
        lake.con.execute(f"CREATE TEMP TABLE waiting_{name} AS {' UNION ALL '.join(parts)}")


def keep_waiting(
    lake: Lake,
    tables: Iterable[str],
    stack: ExitStack,
    settled: Collection[str] | None = None,
    replaced: Collection[str] | None = None,
) -> None:
    """Write the rows that wait; they are published when the stack closes.

    Rows that were settled, and those of erased customers, are not kept.

    Parameters
    ----------
    lake : Lake
        Whose engine holds `ready_<table>`, if rows of it were delivered, and, where rows of it
        wait, `waiting_<table>`.
    tables : iterable of str
        The raw tables of the delivery.
    stack : ExitStack
        Gets the drafts.
    settled : collection of str, optional
        Hashes of the settled rows; None: those of the home.
    replaced : collection of str, optional
        Sources whose rows of before wait no more: whole dumps. Rows of other sources wait on until
        their key is delivered again. None: all rows wait on until their key is among good rows.
    """
    erased = Erased(lake.settings)
    settled = list(read_settled(lake)) if settled is None else settled
    for name in tables:
        contract, path, parts = CONTRACTS[name], waiting_file(lake, name), []
        key = quoted(contract.key)
        if exists(lake, f"waiting_{name}"):
            parts.append(f"SELECT *, 0 AS _age FROM waiting_{name}")
        if path.exists():
            earlier = f"SELECT *, 1 AS _age FROM read_parquet({sql_text(path)})"
            if exists(lake, f"ready_{name}"):
                again = f"SELECT {key} FROM ready_{name} WHERE {key} IS NOT NULL"
                if replaced is None:
                    again += " AND len(_reasons) = 0"
                earlier += f" WHERE ({key} IS NULL OR {key} NOT IN ({again}))"
                if replaced:
                    gone = ", ".join(map(sql_text, replaced))
                    earlier += f" AND _source NOT IN ({gone})"
            parts.append(earlier)
        if not parts:
            continue
        lake.con.execute(
            f"CREATE OR REPLACE TEMP TABLE waiting AS {' UNION ALL BY NAME '.join(parts)}"
        )
        _drop_settled(lake, contract, settled)
        if "customer_id" in contract.columns:
            _drop_erased(lake, erased)
        publish_waiting(lake, contract, "SELECT * EXCLUDE (_age) FROM waiting", stack)


def publish_waiting(lake: Lake, contract: Contract, query: str, stack: ExitStack) -> None:
    """Write the rows of a query as those of a table that wait; no row, no file.

    Parameters
    ----------
    lake : Lake
        Whose engine runs the query.
    contract : Contract
        Of the table.
    query : str
        The rows, with the columns of `waiting_<table>`.
    stack : ExitStack
        Gets the draft; the file is replaced when it closes.
    """
    path = waiting_file(lake, contract.name)
    (rows,) = lake.con.execute(f"SELECT count(*) FROM ({query})").fetchone() or (0,)
    if not rows:
        stack.callback(path.unlink, missing_ok=True)
        return
    draft = stack.enter_context(published(path))
    lake.con.execute(
        f"COPY ({query} ORDER BY _source, _file, _line) TO {sql_text(draft)} (FORMAT parquet)"
    )


def keep_lines(
    lake: Lake,
    files: Iterable[Part],
    sources: Mapping[str, str],
    mapping: ImportMapping,
    delivered: datetime,
    earlier: Collection[str],
) -> None:
    """Publish the lines of a delivery that are no rows, but for those that were settled.

    The text of a line that names an erased customer is not kept.

    Parameters
    ----------
    lake : Lake
        The home.
    files : iterable of Part
        The files of the delivery.
    sources : mapping of str to str
        Name of a file -> its source in the mapping.
    mapping : features.imports.mapping.Mapping
        How the files were read.
    delivered : datetime
        When they were delivered.
    earlier : collection of str
        Names of files delivered before, whose lines stay.
    """
    erased, settled = Erased(lake.settings), read_settled(lake)
    lines = [
        {
            "file": part.path.name,
            "line": line.line,
            "reason": line.reason,
            "text": None if erased.among(re.findall(r"[\w-]+", line.text)) else line.text,
            "source": sources.get(part.path.name),
            "delivered": delivered.isoformat(),
        }
        for part in files
        for line in part.rejected
        if not settled or line_id(lake, line.text) not in settled
    ]
    path = lines_file(lake)
    if earlier and path.exists():
        before = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        lines = [line for line in before if line["file"] in earlier] + lines
    if not lines:
        path.unlink(missing_ok=True)
        lines_mapping_file(lake).unlink(missing_ok=True)
        return
    with published(lines_mapping_file(lake)) as draft:
        draft.write_text(mapping.model_dump_json(by_alias=True), encoding="utf-8")
    with published(path) as draft:
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        draft.write_text(text, encoding="utf-8")


def drop_waiting(lake: Lake, tables: Iterable[str]) -> None:
    """Drop what `keep_cells` created."""
    for name in tables:
        lake.con.execute(f"DROP TABLE IF EXISTS waiting_{name}")


def _with_cells(table: str, source: str, rows: TextTable, headings: Mapping[str, list[str]]) -> str:
    """Write the query of the waiting rows that one source gave, with their unread cells."""
    # A row with both covers is two terms: which of the two waits, its row does not say.
    cells_of = {
        name: ", ".join(f"s.{rows.cell(heading)}" for heading in dict.fromkeys(listed))
        for name, listed in headings.items()
    }
    cells = ", ".join(
        f"{{'key': {sql_text(name)}, 'value': CASE WHEN list_contains(r._reasons,"
        f" {sql_text(f'{name} {UNREAD}')}) THEN concat_ws(' / ', {listed}) END}}"
        for name, listed in cells_of.items()
    )
    files = ", ".join(sql_text(part.path.name) for part in rows.parts)
    return (
        f"SELECT r.*, [{files}][r._file + 1] AS _name, map_from_entries(list_filter([{cells}],"
        f" x -> x.value IS NOT NULL)) AS _cells FROM ready_{table} r"
        f" LEFT JOIN {quoted(rows.view)} s USING (_file, _line)"
        f" WHERE r._source = {sql_text(source)} AND len(r._reasons) > 0"
    )


def exists(lake: Lake, table: str) -> bool:
    """Check whether the engine holds a table."""
    row = lake.con.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = ?", [table]).fetchone()
    return row is not None


def _drop_settled(lake: Lake, contract: Contract, settled: Collection[str]) -> None:
    """Leave each row once in `waiting`, the one delivered last, and none that was settled."""
    listed = ", ".join(map(sql_text, settled)) or "''"
    lake.con.execute(
        f"CREATE OR REPLACE TEMP TABLE waiting AS SELECT * EXCLUDE (_id) FROM"
        f" (SELECT *, {waiting_id(lake, contract)} AS _id FROM waiting) WHERE _id NOT IN ({listed})"
        " QUALIFY row_number() OVER (PARTITION BY _id ORDER BY _age, _source, _file, _line) = 1"
    )


def _drop_erased(lake: Lake, erased: Erased) -> None:
    customers = lake.con.execute("SELECT DISTINCT customer_id FROM waiting").fetchall()
    gone = erased.among(str(customer) for (customer,) in customers if customer is not None)
    if gone:
        listed = ", ".join(map(sql_text, sorted(gone)))
        lake.con.execute(f"DELETE FROM waiting WHERE customer_id IN ({listed})")
