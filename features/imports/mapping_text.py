"""Write a mapping as TOML that a person reads: samples and counts stand beside the values."""

import json
from collections.abc import Iterable, Iterator
from collections.abc import Mapping as Map

from features.contracts.contract import Column
from features.contracts.tables import CONTRACTS
from features.imports.mapping import NO_DAYS, NULLS, ColumnMap, Mapping, Source, TableMap
from features.imports.masking import mask
from features.imports.matching.evidence import Evidence

HEAD = """\
# What the files of a delivery hold, from bytes to the raw tables of Guanjia (docs/import.md).
# Lines marked `look` were not certain: look at each, mend it, and set confidence = "sure".
# Then: guanjia import check {name}, guanjia import run {name}
"""


def mapping_text(
    mapping: Mapping,
    name: str,
    evidence: Map[str, Map[str, Evidence]],
    notes: Map[str, list[str]],
) -> str:
    """Write a mapping as TOML.

    Parameters
    ----------
    mapping : Mapping
        The mapping.
    name : str
        Name of its file, for the commands in the head.
    evidence : mapping of str to mapping of str to Evidence
        Source -> heading -> what its cells look like; samples of personal data are masked.
    notes : mapping of str to list of str
        Source -> why it is read so.
    """
    lines = [HEAD.format(name=name), f"folder = {toml_value(mapping.folder)}"]
    lines.append(f"ignored = {toml_value(mapping.ignored)}")
    if mapping.nulls != NULLS:
        lines.append(f"nulls = {toml_value(mapping.nulls)}")
    else:
        lines.append(f"# Cells that say nothing, in capitals:\nnulls = {toml_value(NULLS)}")
    lines.append(f"# Days that stand for none:\nno_days = {toml_value(mapping.no_days or NO_DAYS)}")
    for source_name, source in mapping.sources.items():
        lines += ["", *_source_lines(source_name, source, notes.get(source_name, []))]
    for table in mapping.tables:
        personal = {
            column.heading
            for other in mapping.tables
            if other.source == table.source
            for column_name, column in other.columns.items()
            if CONTRACTS[other.name].declared[column_name].personal
        }
        lines += ["", *_table_lines(table, evidence.get(table.source, {}), personal)]
    return "\n".join(lines) + "\n"


def _source_lines(name: str, source: Source, notes: Iterable[str]) -> Iterator[str]:
    yield f"[sources.{toml_key(name)}]"
    for note in notes:
        yield f"# {note}"
    if source.files:
        yield f"files = {toml_value(source.files)}"
    yield f"kind = {toml_value(source.kind)}"
    for field in ("database", "password_from", "table", "query"):
        if getattr(source, field) is not None:
            yield f"{field} = {toml_value(getattr(source, field))}"
    if source.kind == "text":
        yield f"encoding = {toml_value(source.encoding)}"
        yield f"delimiter = {toml_value(source.delimiter)}"
        yield f"quote = {toml_value(source.quote)}"
    if source.sheet is not None:
        yield f"sheet = {toml_value(source.sheet)}"
    if source.kind != "database":
        yield f"heading_row = {source.heading_row}"
        yield f"heading_rows = {source.heading_rows}"
    yield "columns = ["
    for heading in source.columns:
        yield f"    {toml_value(heading)},"
    yield "]"
    yield f"delivery = {toml_value(source.delivery)}  # all rows; increment: new or changed ones"
    for field in ("earlier_files", "renamed", "new_columns", "absent"):
        if field in source.model_fields_set:
            yield f"{field} = {toml_value(getattr(source, field))}"


def _table_lines(
    table: TableMap, evidence: Map[str, Evidence], personal: set[str | None]
) -> Iterator[str]:
    contract = CONTRACTS[table.name]
    yield "[[tables]]"
    yield f"name = {toml_value(table.name)}  # {contract.label}: {contract.grain.splitlines()[0]}"
    yield f"source = {toml_value(table.source)}"
    yield f"confidence = {toml_value(table.confidence)}"
    if table.only_with:
        yield "# A row without these is none of this table:"
        yield f"only_with = {toml_value(table.only_with)}"
    yield f"drift = {toml_value(table.drift)}  # of a delivery that is not as before: freeze, take"
    for field in ("vanished", "least_rows", "most_unread"):
        if field in table.model_fields_set:
            yield f"{field} = {toml_value(getattr(table, field))}"
    coded = {}
    yield ""
    yield "[tables.columns]"
    for name, column in table.columns.items():
        looks = evidence.get(column.heading or "")
        if column.codes is not None:
            coded[name] = column
            continue
        hidden = column.heading in personal
        yield f"{name} = {inline_column(column)}{_comment(contract.declared[name], looks, hidden)}"
    for name, column in coded.items():
        yield ""
        yield f"[tables.columns.{name}]  # {contract.declared[name].label}"
        for field, value in _fields(column):
            if field != "codes":
                yield f"{field} = {toml_value(value)}"
        allowed = contract.declared[name].allowed
        yield f'# {", ".join(allowed) if allowed else "true, false"}; "" is none, "?" unknown'
        yield f"[tables.columns.{name}.codes]"
        values = (evidence.get(column.heading or "") or _NOTHING).values
        for code, meaning in (column.codes or {}).items():
            rows = f"  # {values[code]:,} rows" if code in values else ""
            yield f"{toml_key(code)} = {toml_value(meaning)}{rows}"


_NOTHING = Evidence("", 0, 0, (), {}, {})


def inline_column(column: ColumnMap) -> str:
    """Write where a column comes from in one line."""
    return toml_value(dict(_fields(column)))


def _fields(column: ColumnMap) -> list[tuple[str, object]]:
    """List the fields that say something; confidence always does."""
    fields = column.model_dump(by_alias=True, exclude_defaults=True)
    return [*((name, value) for name, value in fields.items() if name != "confidence"),
            ("confidence", column.confidence)]  # fmt: skip


def _comment(declared: Column, looks: Evidence | None, personal: bool) -> str:
    if looks is None:
        return f"  # {declared.label}"
    samples = ", ".join(mask(text, declared, personal=personal) for text in looks.samples)
    return f"  # {declared.label}: {samples}".replace("\n", " ")


def toml_value(value: object) -> str:
    """Write a value as TOML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml_key(k)} = {toml_value(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(toml_value, value)) + "]"
    # A string of JSON is one of TOML, but for the delete character.
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")


def toml_key(name: str) -> str:
    """Write a key as TOML."""
    return name if name.isascii() and name.replace("_", "").isalnum() else toml_value(name)
