"""Find, for each sentence of a check, a row of which it speaks: its file, its line and its cell."""

from collections.abc import Iterable

from features.checking.delivery import file_and_line
from features.checking.queries import BROKEN, ODD, ROW, TYPED, fetch
from features.contracts.contract import Contract
from features.contracts.rules import AS_DELIVERED
from features.lake import Lake
from features.sql import quoted, sql_text

LONGEST = 40
HIDDEN = "(personal)"


def find_examples(lake: Lake, contract: Contract, sentences: Iterable[str]) -> dict[str, str]:
    """Describe the first row of each sentence; the cells of personal columns are not shown.

    Parameters
    ----------
    lake : Lake
        Whose engine holds TYPED, BROKEN and ODD.
    contract : Contract
        The contract of the table.
    sentences : iterable of str
        Reasons, and sentences about cells that are left out.

    Returns
    -------
    dict of str to str
        Sentence -> such as `a.csv, line 3: 20250701`.
    """
    examples = {}
    for sentence in sentences:
        query = (
            f"SELECT min({ROW}) FROM (SELECT {ROW}, reasons AS said FROM {BROKEN}"
            f" WHERE NOT settled UNION ALL SELECT {ROW}, left_out FROM {ODD})"
            f" WHERE list_contains(said, {sql_text(sentence)})"
        )
        ((row,),) = fetch(lake, query)
        if row is not None:
            examples[sentence] = place_of(str(row)) + _cell(lake, contract, sentence, str(row))
    return examples


def place_of(row: str) -> str:
    """Name the place of a row for a person, from its identity: `a.csv, line 3`."""
    file, number = file_and_line(row)
    if file == "event":
        return f"event {number}"
    return f"{file}, {'line' if file.lower().endswith('.csv') else 'row'} {number}"


def _cell(lake: Lake, contract: Contract, sentence: str, row: str) -> str:
    """Show the delivered cell of the column with which a sentence begins."""
    column = sentence.split(" ", 1)[0]
    if column not in contract.columns:
        return ""
    if contract.declared[column].personal:
        return f": {HIDDEN}"
    delivered = AS_DELIVERED + column
    cells = fetch(
        lake,
        f"SELECT CAST({quoted(delivered)} AS VARCHAR) FROM {TYPED} WHERE {ROW} = {sql_text(row)}"
        if delivered in lake.engine.table(TYPED).columns
        else "SELECT NULL",
    )
    cell = cells[0][0] if cells else None
    return "" if cell is None else f": {str(cell)[:LONGEST]}"
