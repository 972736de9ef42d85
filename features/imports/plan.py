"""Plan an import: understand the files of a folder, and write down what was understood."""

from collections.abc import Mapping as Map
from dataclasses import dataclass
from pathlib import Path

from features.contracts.tables import CONTRACTS
from features.errors import GuanjiaError
from features.imports.joins import Join, find_joins
from features.imports.mapping import Mapping, TableMap
from features.imports.matching.completing import (
    complete,
    further_tables,
    movements_of_sums,
    share_vehicles,
)
from features.imports.matching.evidence import Evidence, look_at
from features.imports.matching.forms import find_forms
from features.imports.matching.linking import link_columns
from features.imports.matching.matcher import (
    Match,
    best_tables,
    match_table,
    split_covers,
    table_map,
)
from features.imports.reading.describe import Described, describe
from features.imports.reading.readers import files_of, read_source
from features.imports.reading.text_tables import Part, TextTable, drop_view
from features.imports.rows import Finding, Prepared, drop_rows, prepare_rows
from features.imports.run import unused_columns
from features.lake import Lake
from features.progress import Report, quiet

CLEAR = 1.0
"""Lead of the best table over the next, from which a source is that table for certain."""


@dataclass(frozen=True)
class Plan:
    """What was understood of a folder.

    Attributes
    ----------
    mapping : Mapping
        What `guanjia import check` and `run` read.
    described : Described
        The files: how they are read and why, and those that are not.
    evidence : mapping of str to mapping of str to Evidence
        Source -> heading -> what its cells look like.
    parts : dict of str to list of Part
        Source -> its files, with what was left out of them.
    unmatched : list of str
        Sources that are no raw table.
    unused : dict of str to list of str
        Source -> headings that no table reads.
    tables : list of Prepared
        Rows by raw table.
    findings : list of Finding
        What is odd in the cells.
    joins : list of Join
        How the tables fit together.
    missing : dict of str to list of str
        Raw table -> columns that no source fills; all of them where there is no such table.
    questions : list of str
        What a person has to answer before `run`.
    """

    mapping: Mapping
    described: Described
    evidence: Map[str, Map[str, Evidence]]
    parts: dict[str, list[Part]]
    unmatched: list[str]
    unused: dict[str, list[str]]
    tables: list[Prepared]
    findings: list[Finding]
    joins: list[Join]
    missing: dict[str, list[str]]
    questions: list[str]


def plan_import(
    lake: Lake,
    folder: Path,
    relative: str,
    report: Report = quiet,
    encoding: str | None = None,
    url: str | None = None,
) -> Plan:
    """Describe the files of a folder, or the tables of a database, and match them with raw tables.

    Parameters
    ----------
    lake : Lake
        Whose engine reads them; nothing is written to the home.
    folder : Path
        The delivery: a folder or a file.
    relative : str
        The folder as seen from the mapping's file.
    report : Report
        Progress: called with a step, parts done and parts in all.
    encoding : str, optional
        Encoding of the text files that do not tell theirs.
    url : str, optional
        The database that is imported; `folder` is not looked at then.

    Raises
    ------
    GuanjiaError
        If the folder holds no file that can be read, or the database cannot be reached.
    """
    report("describe files", 0, None)
    (lake.home / "tmp").mkdir(parents=True, exist_ok=True)
    described = _described(lake, folder, encoding, url)
    if not described.sources:
        listed = "; ".join(f"{name}: {why}" for name, why in described.unread.items())
        raise GuanjiaError(
            f"folder {folder}", f"holds no file that can be read ({listed})", "see docs/import.md"
        )
    sources: dict[str, TextTable] = {}
    prepared: dict[str, Prepared] = {}
    try:
        for done, (name, source) in enumerate(described.sources.items()):
            report("read files", done, len(described.sources))
            sources[name] = read_source(lake, name, source, files_of(source, folder))
        report("read files", len(sources), len(sources))
        report("match columns", 0, None)
        evidence = {
            name: look_at(lake.con, table, lake.settings.timezone)
            for name, table in sources.items()
        }
        tables, unmatched = _match(lake, sources, evidence)
        empty = Mapping(folder=relative, sources=described.sources, tables=())
        tables = [
            find_forms(lake, table, sources[table.source], evidence[table.source], empty)
            for table in tables
        ]
        mapping = empty.model_copy(
            update={"tables": tuple(tables), "ignored": tuple(described.unread)}
        )
        questions = _questions(mapping)
        findings: list[Finding] = []
        joins: list[Join] = []
        if not questions:
            report("make tables", 0, None)
            prepared = prepare_rows(lake, mapping, sources, findings)
            joins = find_joins(lake, prepared)
        return Plan(
            mapping=mapping,
            described=described,
            evidence=evidence,
            parts={name: table.parts for name, table in sources.items()},
            unmatched=unmatched,
            unused=unused_columns(mapping),
            tables=list(prepared.values()),
            findings=findings,
            joins=joins,
            missing=missing_columns(mapping),
            questions=questions,
        )
    finally:
        drop_rows(lake, prepared)
        for text_table in sources.values():
            drop_view(lake.con, text_table)


def _described(lake: Lake, folder: Path, encoding: str | None, url: str | None) -> Described:
    if url is None:
        return describe(lake, folder, encoding)
    from features.imports.reading.describe_database import describe_database

    return describe_database(url)


def missing_columns(mapping: Mapping) -> dict[str, list[str]]:
    """Return the columns of each raw table that no source fills."""
    missing = {}
    for name, contract in CONTRACTS.items():
        filled = {
            column for table in mapping.tables if table.name == name for column in table.columns
        }
        left = [column for column in contract.columns if column not in filled | {"recorded_at"}]
        if left:
            missing[name] = left
    return missing


def _match(
    lake: Lake, sources: Map[str, TextTable], evidence: Map[str, Map[str, Evidence]]
) -> tuple[list[TableMap], list[str]]:
    """Match all sources with raw tables, and complete them from each other."""
    tables: list[TableMap] = []
    unmatched: list[str] = []
    matches: dict[str, dict[str, Match]] = {}
    for source, looks in evidence.items():
        matches[source] = {table: match_table(table, source, looks) for table in CONTRACTS}
        ranked = best_tables(matches[source].values())
        if not ranked:
            unmatched.append(source)
            continue
        best = ranked[0]
        next_score = ranked[1].score if len(ranked) > 1 else 0.0
        sure = best.score - next_score >= CLEAR and CONTRACTS[best.table].key in best.columns
        tables += split_covers(table_map(best, source, sure=sure), list(looks))
    tables += further_tables(tables, matches)
    tables = share_vehicles(tables, evidence)
    tables = link_columns(lake.con, tables, sources, evidence, lake.settings.timezone)
    there = {table.name for table in tables}
    tables = [complete(table, there, evidence[table.source]) for table in tables]
    claims = {table.source: table for table in tables if table.name == "claims"}
    return [
        movements_of_sums(table, claims.get(table.source))
        if table.name == "claim_movements"
        else table
        for table in tables
    ], unmatched


def _questions(mapping: Mapping) -> list[str]:
    """List what has to be said before the mapping can be run."""
    questions = []
    for table in mapping.tables:
        for name, column in table.columns.items():
            if column.order == "ask":
                questions.append(
                    f"{table.name}.{name} (from {column.heading}): is the day or the month first?"
                    ' Replace order = "ask" by "dmy" or "mdy"'
                )
    return questions
