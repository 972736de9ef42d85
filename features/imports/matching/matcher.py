"""Find out which source is which raw table, and which heading is which column.

Headings propose (`synonyms.toml`), cells decide: a column of days that are none is no day column.
What is not certain is marked "look"; nothing is guessed silently.
"""

import re
from collections.abc import Iterable
from collections.abc import Mapping as Map
from dataclasses import dataclass, field

import ibis.expr.datatypes as dt
import numpy as np
from scipy.optimize import linear_sum_assignment

from features.contracts.tables import CONTRACTS
from features.imports.days import SERIAL
from features.imports.mapping import ColumnMap, TableMap
from features.imports.matching.evidence import Evidence
from features.imports.matching.vocabulary import (
    cover_of,
    meaning_of,
    normalise,
    score_heading,
    unit_of,
    vocabulary,
)
from features.imports.matching.word_scores import FULL
from features.imports.matching.words import readings_of
from features.imports.values import PHONES

SURE = FULL - 0.001
"""Score of a heading from which it names the column: it is a synonym, or each word is explained."""
LIKELY, BY_VALUES = 0.7, 0.72
"""Least score of a column, and the score of one that only its cells show."""
RIVAL_LEAD, SAME = 0.08, 0.02
"""Lead in score that a heading has over another one that no column takes, to be sure; and that a
column has over another one that the same heading names."""
TELLING = frozenset({"line", "private_car", "channel", "business_type", "energy"})
"""Columns of codes that are known by their values, whatever the heading says."""
OWN_NUMBERS = ("mobile", "plate", "vin")
"""Kinds of cells that have columns of their own, and are no numbers of customers or policies."""
SHARED = frozenset({"customer_id", "policy_id", "vehicle_id", "claim_id", "branch", "channel"})
"""Columns of many tables: they say little about which table it is."""
LEAST_TABLE = 2.5
"""Score from which a source may be a table: its key and a column of its own."""


@dataclass
class Match:
    """The columns that the headings of a source have in one raw table.

    Attributes
    ----------
    table : str
        The raw table.
    columns : dict of str to (str, float)
        Column -> heading and its score.
    score : float
        How well the source fits the table.
    rivals : dict of str to list of str
        Column -> further headings that name it as well, or its own where that names another column.
    """

    table: str
    columns: dict[str, tuple[str, float]] = field(default_factory=dict)
    score: float = 0.0
    rivals: dict[str, list[str]] = field(default_factory=dict)


def match_table(table: str, name: str, evidence: Map[str, Evidence]) -> Match:
    """Match the headings of a source with the columns of one raw table.

    Parameters
    ----------
    table : str
        The raw table.
    name : str
        Name of the source: of its file or sheet.
    evidence : mapping of str to Evidence
        What the cells look like, by heading.
    """
    contract = CONTRACTS[table]
    scored = {
        (column, heading): max(
            _score_name(heading, table, column), _score_values(table, column, looks)
        )
        for column in contract.columns
        for heading, looks in evidence.items()
        if _fits(table, column, looks)
    }
    match = Match(table)
    match.columns = _assigned(contract.columns, list(evidence), scored)
    used = {heading for heading, _ in match.columns.values()}
    for (column, heading), score in scored.items():
        mapped = match.columns.get(column)
        if mapped and heading not in used and score > mapped[1] - RIVAL_LEAD:
            match.rivals.setdefault(column, []).append(heading)
    owners = {heading: (column, score) for column, (heading, score) in match.columns.items()}
    for (column, heading), score in scored.items():
        if column not in match.columns and heading in owners and score >= owners[heading][1] - SAME:
            match.rivals.setdefault(owners[heading][0], []).append(heading)
    for column, (_, score) in match.columns.items():
        if column == contract.key:
            match.score += 2 * score
        else:
            match.score += (0.2 if column in SHARED else 1.0) * score
    if contract.key not in match.columns:
        match.score -= 2
    if any(word in normalise(name) for word in vocabulary().tables[table].words):
        match.score += 2.5
    return match


def _assigned(
    columns: Iterable[str], headings: list[str], scored: Map[tuple[str, str], float]
) -> dict[str, tuple[str, float]]:
    """Give each column a heading and each heading a column, so that the scores add up to most."""
    names = list(columns)
    scores = np.array(
        [
            [
                scored.get((column, heading), 0.0) - 1e-6 * place
                for place, heading in enumerate(headings)
            ]
            for column in names
        ]
    )
    scores[scores < LIKELY] = 0.0
    rows, places = linear_sum_assignment(scores, maximize=True)
    return {
        names[row]: (headings[place], float(scores[row, place]))
        for row, place in zip(rows, places, strict=True)
        if scores[row, place] > 0
    }


def best_tables(matches: Iterable[Match]) -> list[Match]:
    """Sort the raw tables that a source may be, the best first; unlikely ones are left out."""
    likely = [match for match in matches if match.score >= LEAST_TABLE]
    return sorted(likely, key=lambda match: -match.score)


def table_map(match: Match, source: str, *, sure: bool) -> TableMap:
    """Write a match as a table of the mapping; forms and codes are found later.

    Parameters
    ----------
    match : Match
        The table and its columns.
    source : str
        Name of the source.
    sure : bool
        Whether the source is this table for certain.
    """
    columns = {
        column: _column_map(match, column)
        for column in CONTRACTS[match.table].columns
        if column in match.columns
    }
    return TableMap(
        name=match.table, source=source, confidence="sure" if sure else "look", columns=columns
    )


def split_covers(table: TableMap, headings: list[str]) -> list[TableMap]:
    """Split rows with both covers into two terms, where headings name both: 交强险保费, 商业险保费.

    Parameters
    ----------
    table : TableMap
        The table of policies.
    headings : list of str
        All headings of its source.
    """
    by_line: dict[str, dict[str, str]] = {}
    sure: dict[str, bool] = {}
    for heading in headings:
        cover = cover_of(heading)
        if cover is None:
            continue
        line, rest = cover
        columns = CONTRACTS["policies"].columns
        scores = {column: score_heading(rest, "policies", column) for column in columns}
        column = max(scores, key=lambda name: scores[name])
        if scores[column] >= LIKELY:
            by_line.setdefault(line, {}).setdefault(column, heading)
            sure[heading] = scores[column] >= SURE
    both = len(by_line) == 2 and all("written_premium" in columns for columns in by_line.values())
    if table.name != "policies" or not both:
        return [table]
    terms = []
    for line, cover_columns in by_line.items():
        columns = {
            name: column
            for name, column in table.columns.items()
            if column.heading is None or cover_of(column.heading) is None
        }
        columns |= {
            name: ColumnMap.model_validate(
                {
                    "from": heading,
                    "unit": unit_of(heading) or "yuan",
                    "confidence": "sure" if sure[heading] else "look",
                }
            )
            for name, heading in cover_columns.items()
        }
        columns["line"] = ColumnMap(value=line)
        shared_number = "policy_id" not in cover_columns and "policy_id" in columns
        if shared_number and line == "motor_compulsory":
            # Claims name the number as it is, and belong to the commercial term first.
            columns["policy_id"] = columns["policy_id"].model_copy(
                update={"suffix": "-JQ", "confidence": "look"}
            )
        order = [name for name in CONTRACTS["policies"].columns if name in columns]
        terms.append(
            table.model_copy(
                update={
                    "only_with": ("written_premium",),
                    "columns": {name: columns[name] for name in order},
                }
            )
        )
    return terms


def identity_heading(evidence: Map[str, Evidence]) -> str | None:
    """Find the column of identity numbers, which tell a person where no customer number does."""
    known = {normalise(text) for text in vocabulary().elsewhere["identity"]}
    named = [heading for heading in evidence if normalise(heading) in known]
    by_value = [heading for heading, looks in evidence.items() if looks.shares["identity"] > 0.9]
    return next(iter([*named, *by_value]), None)


def _score_name(heading: str, table: str, column: str) -> float:
    """Score a heading; of terms, what it says of one cover alone counts as said of terms."""
    cover = cover_of(heading) if table == "policies" else None
    rest = score_heading(cover[1], table, column) if cover else 0.0
    return max(score_heading(heading, table, column), rest - SAME)


def _score_values(table: str, column: str, looks: Evidence) -> float:
    """Score how well the cells alone show a column: numbers with check digits, known codes."""
    if column in {"vin", "plate"} and looks.shares[column] > 0.9:
        return BY_VALUES
    if column in TELLING and looks.values:
        known = sum(
            rows
            for value, rows in looks.values.items()
            if len(value) > 1 and meaning_of(value, table, column) is not None
        )
        return BY_VALUES if known > 0.8 * looks.filled else 0.0
    return 0.0


def _column_map(match: Match, column: str) -> ColumnMap:
    heading, score = match.columns[column]
    sure = score >= SURE and not match.rivals.get(column)
    if column == "written_premium" and any("gross" in r.meanings for r in readings_of(heading)):
        sure = False  # The contract's premium is without tax.
    unit = unit_of(heading) or "yuan"
    return ColumnMap.model_validate(
        {"from": heading, "unit": unit, "confidence": "sure" if sure else "look"}
    )


def _fits(table: str, column: str, looks: Evidence) -> bool:
    """Check whether the cells can be values of a column; empty ones can be everything."""
    if not looks.filled:
        return True
    contract = CONTRACTS[table]
    type_, shares = contract.columns[column], looks.shares
    if isinstance(type_, dt.Date | dt.Timestamp):
        serial = all(re.fullmatch(SERIAL, text) for text in looks.samples)
        born = column == "birth_date" and shares["identity"] > 0.9
        fits = shares["day"] > 0.5 or serial or born
    elif isinstance(type_, dt.Decimal | dt.Integer | dt.Floating):
        fits = max(shares["number"], shares["comma"]) > 0.5 and shares["mobile"] < 0.5
    elif column in PHONES:
        fits = shares["mobile"] + shares["damaged"] > 0.3 or shares["number"] > 0.5
    elif column.endswith("_id"):
        dates = shares["day"] > 0.9 and shares["number"] < 0.9
        fits = not dates and max(shares[kind] for kind in OWN_NUMBERS) < 0.9
    elif contract.declared[column].allowed or isinstance(type_, dt.Boolean):
        fits = bool(looks.values)
    else:
        fits = shares["day"] < 0.9
    return fits
