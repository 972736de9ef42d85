"""Know headings and codes of real exports: `synonyms.toml`, the contracts' names and labels."""

import re
import unicodedata
from functools import cache, lru_cache
from pathlib import Path

from features.contracts.headings import heading_of
from features.contracts.tables import CONTRACTS
from features.declared import Declared, load_layered
from features.imports.matching.pinyin import spellings
from features.imports.matching.word_scores import score_words

EXACT, BELOW = 1.0, 0.9
"""Scores of a heading that is a synonym, and of one in two rows of which the lower is one."""
SPELLED, INITIALS = 0.9, 0.82
"""Scores of a synonym's pinyin, and of its first letters."""
COVERS = {
    "motor_compulsory": re.compile(
        r"^(交强险|交强|强制险|jqx|jq_?|jiaoqiangxian|jiaoqiang|compulsory|force|tci|bz)_?"
    ),
    "motor_commercial": re.compile(
        r"^(商业险|商业|syx|sy_?|shangyexian|shangye|commercial|biz|vci|bs)_?"
    ),
}
"""Beginnings of headings in tables with both covers in one row."""
UNIT = re.compile(r"[(（\[【]\s*(.*?)\s*[)）\]】]")


class TableWords(Declared):
    """Words for a table.

    Attributes
    ----------
    words : tuple of str
        In names of files and sheets.
    columns : mapping of str to tuple of str
        Column -> headings; "@table.column" stands for those of another column.
    """

    words: tuple[str, ...]
    columns: dict[str, tuple[str, ...]]


class Vocabulary(Declared):
    """The content of `synonyms.toml`.

    Attributes
    ----------
    tables : mapping of str to TableWords
        By raw table.
    elsewhere : mapping of str to tuple of str
        Headings that are no column: `identity`, the number of an identity document.
    codes : mapping of str to mapping of str to tuple of str
        List -> meaning -> values of sources.
    code_lists : mapping of str to str
        "table.column" -> list, where it is not named like the column.
    """

    tables: dict[str, TableWords]
    elsewhere: dict[str, tuple[str, ...]]
    codes: dict[str, dict[str, tuple[str, ...]]]
    code_lists: dict[str, str]


@cache
def vocabulary() -> Vocabulary:
    """Return the shipped words."""
    shipped = Path(__file__).with_name("synonyms.toml")
    return load_layered(Vocabulary, shipped, manual="docs/import.md")


@lru_cache(4096)
def normalise(heading: str) -> str:
    """Reduce a heading to what tells: no case, blanks, separators, units in brackets.

    Examples
    --------
    >>> normalise("签单保费（万元）"), normalise("POLICY_NO"), normalise("t.Policy No")
    ('签单保费', 'policyno', 'tpolicyno')
    """
    text = unicodedata.normalize("NFKC", heading).lower()
    text = re.sub(r"[(\[【].*?[)\]】]", "", text)
    return re.sub(r"[\s_\-./、:*#]+", "", text)


def unit_of(heading: str) -> str | None:
    """Return the unit that a heading names: 万元, 千元, 分; None: none.

    Examples
    --------
    >>> unit_of("签单保费（万元）"), unit_of("保费(单位:千元)"), unit_of("保费")
    ('万元', '千元', None)
    """
    units = "".join(UNIT.findall(unicodedata.normalize("NFKC", heading)))
    return next(
        (unit for unit in ("万元", "千元") if unit in units), "分" if units == "分" else None
    )


@cache
def headings_of(table: str, column: str) -> tuple[str, ...]:
    """List the normalised headings of a column, the best first."""
    listed = vocabulary().tables[table].columns.get(column, ())
    if column == "recorded_at" and not listed:
        listed = ("@policies.recorded_at",)
    names: list[str] = [normalise(column), normalise(CONTRACTS[table].declared[column].label)]
    for heading in listed:
        if heading.startswith("@"):
            other, _, name = heading[1:].partition(".")
            names += headings_of(other, name)
        else:
            names.append(normalise(heading))
    return tuple(dict.fromkeys(names))


def score_heading(heading: str, table: str, column: str) -> float:
    """Score how well a heading names a column: 0 to 1; earlier synonyms break ties.

    Parameters
    ----------
    heading : str
        As it stands in the file.
    table, column : str
        Of the contracts.
    """
    below = heading.rpartition("/")[2]
    contract = CONTRACTS[table]
    if below in contract.columns and heading == heading_of(contract, below):
        return EXACT if below == column else 0.0  # a template of ours
    name = normalise(heading)
    # Of headings in two rows the lower one names the column.
    below = normalise(below)
    by_words = score_words(heading, table, column)
    best = by_words
    for place, synonym in enumerate(headings_of(table, column)):
        syllables, initials = spellings(synonym)
        if synonym == name:
            return EXACT - 0.001 * place
        if synonym == below:
            best = max(best, (EXACT if by_words >= BELOW else BELOW) - 0.001 * place)
        elif name in (syllables, initials) and len(name) > 1:
            best = max(best, (SPELLED if name == syllables else INITIALS) - 0.001 * place)
    return best


def cover_of(heading: str) -> tuple[str, str] | None:
    """Return the line that a heading is about, and the rest of it; None: of no cover alone.

    Examples
    --------
    >>> cover_of("交强险保费"), cover_of("商业险/保单号"), cover_of("保费")
    (('motor_compulsory', '保费'), ('motor_commercial', '保单号'), None)
    """
    name = unicodedata.normalize("NFKC", heading).lower().replace("/", "")
    for line, beginning in COVERS.items():
        match = beginning.match(name)
        if match and name[match.end() :]:
            return line, name[match.end() :]
    return None


def meaning_of(value: str, table: str, column: str) -> str | bool | None:
    """Return what a code means by the lists; None: it is in none.

    Parameters
    ----------
    value : str
        The value of the source.
    table, column : str
        Of the contracts.
    """
    return _meanings(table, column).get(_reduced(value))


@cache
def _meanings(table: str, column: str) -> dict[str, str | bool]:
    """Return reduced value -> meaning; the contract's own values come first."""
    words = vocabulary()
    name = words.code_lists.get(f"{table}.{column}", column)
    meanings: dict[str, str | bool] = {
        _reduced(value): value for value in CONTRACTS[table].declared[column].allowed
    }
    for meaning, values in words.codes.get(name, {}).items():
        for text in values:
            meanings.setdefault(
                _reduced(text), {"true": True, "false": False}.get(meaning, meaning)
            )
    return meanings


def _reduced(value: str) -> str:
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", value).lower())
