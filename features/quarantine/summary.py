"""Count what waits in quarantine by table and rule, with examples that name nobody."""

from dataclasses import dataclass

from features.checking.examples import place_of
from features.checking.settled_rows import read_settled
from features.contracts.reasons import reason_of
from features.contracts.tables import CONTRACTS
from features.imports.masking import mask
from features.lake import Lake
from features.quarantine.waiting import waiting_sql, waiting_tables
from features.quarantine.waiting_lines import waiting_lines
from features.sql import quoted, sql_text

EXAMPLES = 2
LONGEST = 40


@dataclass(frozen=True)
class WaitingRule:
    """A rule that rows in quarantine break.

    Attributes
    ----------
    table : str
        The raw table; "" for lines that are no row of any.
    held_by : str
        Who held the rows back: `check` or `import`.
    rule, chinese : str
        The sentence, and in Chinese.
    rows : int
        Rows that break it.
    examples : tuple of str
        Places of some: file, line and cell; personal cells are masked.
    """

    table: str
    held_by: str
    rule: str
    chinese: str
    rows: int
    examples: tuple[str, ...]


@dataclass(frozen=True)
class Summary:
    """What waits in quarantine.

    Attributes
    ----------
    rows : dict of str to int
        Raw table -> rows that wait.
    rules : list of WaitingRule
        The rules they break, most rows first within a table.
    lines : list of WaitingRule
        Faults of lines of the last import that are no rows.
    settled : dict of str to int
        Outcome (`corrected`, `discarded`, `superseded`, `erased`) -> rows settled so far.
    """

    rows: dict[str, int]
    rules: list[WaitingRule]
    lines: list[WaitingRule]
    settled: dict[str, int]


def summarise(lake: Lake) -> Summary:
    """Count the rows that wait, by table and rule."""
    rows: dict[str, int] = {}
    rules: list[WaitingRule] = []
    for table in waiting_tables(lake):
        query = waiting_sql(lake, CONTRACTS[table])
        (number,) = lake.con.execute(f"SELECT count(*) FROM ({query})").fetchone() or (0,)
        if number:
            rows[table] = number
            rules += _rules(lake, table, str(query))
    outcomes = [row.outcome for row in read_settled(lake).values()]
    settled = {outcome: outcomes.count(outcome) for outcome in sorted(set(outcomes))}
    return Summary(rows, rules, _lines(lake), settled)


def _rules(lake: Lake, table: str, query: str) -> list[WaitingRule]:
    counted = lake.con.execute(
        "SELECT _kind, reason, count(*) FROM (SELECT _kind, unnest(_reasons) AS reason FROM"
        f" ({query})) GROUP BY ALL ORDER BY 3 DESC, 2, 1"
    ).fetchall()
    rules = []
    for kind, sentence, number in counted:
        reason = reason_of(table, sentence)
        cells = f"[{', '.join(map(quoted, reason.columns))}]::VARCHAR[]"
        places = lake.con.execute(
            f"SELECT _file, _line, {cells} FROM ({query}) WHERE _kind = {sql_text(kind)}"
            f" AND list_contains(_reasons, {sql_text(sentence)}) ORDER BY _file, _line, _id"
            f" LIMIT {EXAMPLES}"
        ).fetchall()
        examples = tuple(_example(table, reason.columns, *place) for place in places)
        rules.append(WaitingRule(table, kind, sentence, reason.chinese, number, examples))
    return rules


def _example(
    table: str, columns: tuple[str, ...], file: str, line: int | None, cells: list[str | None]
) -> str:
    """Name the place of a row, and show the cells at fault; with their columns if several are."""
    declared = CONTRACTS[table].declared
    texts = {
        name: mask(cell[:LONGEST], declared[name])
        for name, cell in zip(columns, cells, strict=True)
        if cell is not None
    }
    shown = texts.values() if len(columns) == 1 else [f"{name} {texts[name]}" for name in texts]
    place = place_of(f"{file}:{line}") if file else ""
    return ": ".join(part for part in (place, ", ".join(shown)) if part)


def _lines(lake: Lake) -> list[WaitingRule]:
    """Count the lines of the last import that are no rows; their texts are not shown."""
    places: dict[str, list[str]] = {}
    for line in waiting_lines(lake):
        places.setdefault(line.reason, []).append(f"{line.file}, line {line.line}")
    return [
        WaitingRule("", "import", reason, reason_of("", reason).chinese, len(listed),
                    tuple(listed[:EXAMPLES]))
        for reason, listed in places.items()
    ]  # fmt: skip
