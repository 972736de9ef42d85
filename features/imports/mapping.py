"""Say what the files of a delivery hold: `mapping.toml`, from bytes to columns of raw tables."""

import re
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from features.contracts.tables import CONTRACTS
from features.declared import Declared, one_of, parse_fields, read_toml
from features.errors import GuanjiaError, did_you_mean

MANUAL = "docs/import.md"
NULLS = ("", "NULL", "\\N", "-", "--", "/", "无", "NAN", "#N/A", "N/A", "NONE", "空")
NO_DAYS = ("0000-00-00", "0001-01-01", "1899-12-30", "1900-01-01", "9999-12-31", "9999-09-09")
UNITS = {"yuan": 1, "千元": 1_000, "万元": 10_000, "分": "0.01", "percent": "0.01"}
"""Units of amounts and shares -> what a number is multiplied by."""
UNKNOWN = "?"
"""Stands for a code whose meaning the user has to say."""
ENDS = {"policies": ("inception", "cancelled_on", "expiry")}
"""Raw tables whose rows can end early -> the day they begin, the day that ends them, their end."""
POLICIES = ("ask", "freeze", "take")
"""What is done about a delivery that is not as before, the strictest first."""


class Source(Declared):
    """Files of one layout, and how their bytes become rows of texts.

    Attributes
    ----------
    files : tuple of str
        Patterns of their paths below the mapping's folder.
    kind : {"text", "workbook", "parquet", "database"}
        What they are.
    encoding, delimiter, quote : str
        Of text files; `encoding = "ask"` has to be replaced before they are read.
    sheet : str, optional
        Of a workbook.
    heading_row : int
        Line or row of the (first) headings, from 1.
    heading_rows : int
        Lines or rows that the headings take; 0: there are none.
    columns : tuple of str
        The headings, in order; a column that no table uses is listed here too.
    delivery : {"dump", "increment"}
        Whether the files of a day hold all rows, or those that are new or changed.
    earlier_files : {"ask", "skip", "read"}
        Files that were delivered before and lie beside new ones: of an increment they are never
        read again, unless `read` says so; of a dump they are old (`skip`) or part of it (`read`).
    renamed : mapping of str to str
        Headings of later files -> those of `columns`.
    new_columns : tuple of str
        Headings of later files that are known and not read.
    absent : tuple of str
        Headings of `columns` that later files may lack: their cells say nothing.
    database : str, optional
        Of a database: its URL, without a password.
    password_from : str, optional
        The environment variable that holds the password.
    table, query : str, optional
        What is read of a database: a table or view (`schema.table`), or a SELECT.
    """

    files: tuple[str, ...] = ()
    kind: Literal["text", "workbook", "parquet", "database"]
    encoding: str = "utf-8"
    delimiter: str = ","
    quote: str = '"'
    sheet: str | None = None
    heading_row: int = Field(default=1, ge=1)
    heading_rows: int = Field(default=1, ge=0)
    columns: tuple[str, ...]
    delivery: Literal["dump", "increment"] = "dump"
    earlier_files: Literal["ask", "skip", "read"] = "ask"
    renamed: dict[str, str] = Field(default_factory=dict)
    new_columns: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    database: str | None = None
    password_from: str | None = None
    table: str | None = None
    query: str | None = None


class ColumnMap(Declared):
    """Where the values of a column come from; exactly one of `heading`, `value`, `latest`,
    `lookup` and `earliest` is set.

    Attributes
    ----------
    heading : str, optional
        Heading of the source's column; `from` in the file.
    joined : tuple of str
        More headings, whose cells follow that of `from` behind hyphens: a number and its year.
    value : str or bool, optional
        The same value for every row.
    latest : tuple of str, optional
        Headings, the latest of whose instants is taken.
    lookup, by : str, optional
        Table whose column of the same name is read, for the row that column `by` names.
    on : str, optional
        With `lookup = "policies"`: an instant of the row; the term that covers its day is read.
    earliest : str, optional
        `table.column`: its earliest instant among the rows of the same customer, or vehicle.
    order : {"ymd", "dmy", "mdy", "ask"}
        Of days and instants. `ask` has to be replaced before they are read.
    last_day : bool
        The day is the last one of cover: cover ends at the end of it, so a day is added.
    unit : str
        Of numbers; a cell that names its own unit keeps it.
    decimal : {".", ","}
        Of numbers.
    empty : str, optional
        The value of a cell that says nothing: "0" for an amount.
    suffix : str
        Is put behind an identifier, where one number names two terms.
    codes : mapping of str to str or bool, optional
        Every value of the source -> the contract's, a day as 2026-06-30; `"?"`: its meaning is
        not known.
    confidence : {"sure", "look"}
        `look`: the matcher was not sure; a person has to look at it.
    """

    heading: str | None = Field(default=None, alias="from")
    joined: tuple[str, ...] = ()
    value: str | bool | None = None
    latest: tuple[str, ...] | None = None
    lookup: str | None = None
    by: str | None = None
    on: str | None = None
    earliest: str | None = None
    order: Literal["ymd", "dmy", "mdy", "ask"] = "ymd"
    last_day: bool = False
    unit: Annotated[str, one_of(UNITS)] = "yuan"
    decimal: Literal[".", ","] = "."
    empty: str | None = None
    suffix: str = ""
    codes: dict[str, str | bool] | None = None
    confidence: Literal["sure", "look"] = "sure"


class TableMap(Declared):
    """Rows of one raw table, made from the rows of one source.

    Attributes
    ----------
    name, source : str
        The raw table, and the name of its source in the mapping.
    confidence : {"sure", "look"}
        Whether it is this table.
    only_with : tuple of str
        Columns without whose value (or with an amount of 0) a row of the source is none of this
        table: the premium of compulsory cover, where one row has both covers.
    vanished : {"report", "end"}
        What is done about known rows that a dump does not hold: they are counted, or ended as well
        (`ENDS`).
    drift : {"ask", "freeze", "take"}
        What is done about a delivery that is not as before: nothing is written until somebody
        answers; this table stays as it is known; what can be read is taken.
    least_rows : number
        Rows of a dump as a share of those of the dump before, below which it is not as before.
    most_unread : number
        Share of rows in which a column cannot be read, above that of the delivery before, from
        which a delivery is not as before.
    columns : mapping of str to ColumnMap
        By column of the contract.
    """

    name: Annotated[str, one_of(CONTRACTS)]
    source: str
    confidence: Literal["sure", "look"] = "sure"
    only_with: tuple[str, ...] = ()
    vanished: Literal["report", "end"] = "report"
    drift: Literal["ask", "freeze", "take"] = "ask"
    least_rows: float = Field(default=0.5, ge=0, le=1)
    most_unread: float = Field(default=0.2, ge=0, le=1)
    columns: dict[str, ColumnMap]


class Mapping(Declared):
    """Everything from the bytes of a folder to raw tables.

    Attributes
    ----------
    folder : str
        Folder of the delivery, relative to the mapping's file.
    nulls : tuple of str
        Cells that say nothing, in capitals.
    no_days : tuple of str
        Days that stand for no day, as YYYY-MM-DD.
    ignored : tuple of str
        Files that are known and not used.
    sources : mapping of str to Source
        Files by a name of their own.
    tables : tuple of TableMap
        Raw tables; one may come from several sources.
    """

    folder: str
    nulls: tuple[str, ...] = NULLS
    no_days: tuple[str, ...] = NO_DAYS
    ignored: tuple[str, ...] = ()
    sources: dict[str, Source]
    tables: tuple[TableMap, ...]

    def parts(self, table: str) -> list[TableMap]:
        """List the parts of a raw table: one a source."""
        return [part for part in self.tables if part.name == table]

    def policy(self, table: str) -> str:
        """Return what is done about drift of a raw table: the strictest that a part says."""
        return min((part.drift for part in self.parts(table)), key=POLICIES.index, default="ask")

    def tables_of(self, source: str) -> list[str]:
        """List the raw tables that a source gives rows to."""
        return list(dict.fromkeys(part.name for part in self.tables if part.source == source))

    def without(self, sources: Collection[str], tables: Collection[str] = ()) -> "Mapping":
        """Leave sources and raw tables out."""
        return self.model_copy(
            update={
                "sources": {n: s for n, s in self.sources.items() if n not in sources},
                "tables": tuple(
                    part
                    for part in self.tables
                    if part.source not in sources and part.name not in tables
                ),
            }
        )


def load_mapping(path: Path) -> Mapping:
    """Read a mapping and check that the names in it fit together.

    Raises
    ------
    GuanjiaError
        If the file is missing or not TOML, or names a field, table, column, source or heading that
        does not exist.
    """
    if not path.is_file():
        raise GuanjiaError(f"file {path}", "does not exist", "write it with `guanjia import plan`")
    mapping = parse_fields(Mapping, read_toml(path), thing=str(path), manual=MANUAL)
    for name, source in mapping.sources.items():
        _check_source(path, name, source)
    for table in mapping.tables:
        _check_table(path, mapping, table)
    return mapping


def _check_source(path: Path, name: str, source: Source) -> None:
    for heading in (*source.renamed.values(), *source.absent):
        if heading not in source.columns:
            cure = did_you_mean(heading, source.columns)
            raise GuanjiaError(f"{path}, source {name}: heading {heading}", "is none", cure)
    thing = f"{path}, source {name}"
    if source.kind != "database":
        if not source.files:
            raise GuanjiaError(thing, "names no files", f"write files, as {MANUAL} says")
        return
    if source.database is None or (source.table is None) == (source.query is None):
        cure = f"write database, and table or query, as {MANUAL} says"
        raise GuanjiaError(thing, "does not say what is read of which database", cure)
    if has_password(source.database):
        cure = "write the name of an environment variable as password_from instead"
        raise GuanjiaError(thing, "holds a password in its database", cure)


def has_password(url: str) -> bool:
    """Check whether the URL of a database holds a password.

    Examples
    --------
    >>> has_password("mysql://reader:secret@host/core"), has_password("mysql://reader@host/core")
    (True, False)
    """
    return re.match(r"^[^/]+://[^/@]*:[^/]*@", url) is not None


def _check_table(path: Path, mapping: Mapping, table: TableMap) -> None:
    thing = f"{path}, table {table.name}"
    if table.source not in mapping.sources:
        cure = did_you_mean(table.source, mapping.sources)
        raise GuanjiaError(f"{thing}, source {table.source}", "is not known", cure)
    headings = mapping.sources[table.source].columns
    contract = CONTRACTS[table.name]
    if table.vanished == "end" and table.name not in ENDS:
        raise GuanjiaError(
            f"{thing}, vanished",
            "cannot be end, for its rows have no day on which they end",
            'write vanished = "report"',
        )
    for name, column in table.columns.items():
        if name not in contract.columns:
            cure = did_you_mean(name, contract.columns)
            raise GuanjiaError(f"{thing}, column {name}", "is not known", cure)
        ways = (column.heading, column.value, column.latest, column.lookup, column.earliest)
        if sum(way is not None for way in ways) != 1:
            raise GuanjiaError(
                f"{thing}, column {name}",
                "has not exactly one of from, value, latest, lookup, earliest",
                f"write one, as {MANUAL} says",
            )
        if column.on is not None and (column.lookup != "policies" or column.by is None):
            cure = 'write lookup = "policies" and by = "vehicle_id", or "customer_id"'
            raise GuanjiaError(f"{thing}, column {name}: on", "needs lookup and by", cure)
        for heading in (column.heading, *column.joined, *(column.latest or ())):
            if heading is not None and heading not in headings:
                cure = did_you_mean(heading, headings)
                raise GuanjiaError(f"{thing}, column {name}: heading {heading}", "is none", cure)
    for name in table.only_with:
        if name not in table.columns:
            cure = did_you_mean(name, table.columns)
            raise GuanjiaError(f"{thing}, only_with {name}", "is not mapped", cure)
