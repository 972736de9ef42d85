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
    lines = [HEAD.format(name=name), f"folder = {_value(mapping.folder)}"]
    lines.append(f"ignored = {_value(mapping.ignored)}")
    if mapping.nulls != NULLS:
        lines.append(f"nulls = {_value(mapping.nulls)}")
    else:
        lines.append(f"# Cells that say nothing, in capitals:\nnulls = {_value(NULLS)}")
    lines.append(f"# Days that stand for none:\nno_days = {_value(mapping.no_days or NO_DAYS)}")
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
    yield f"[sources.{_key(name)}]"
    for note in notes:
        yield f"# {note}"
    if source.files:
        yield f"files = {_value(source.files)}"
    yield f"kind = {_value(source.kind)}"
    for field in ("database", "password_from", "table", "query"):
        if getattr(source, field) is not None:
            yield f"{field} = {_value(getattr(source, field))}"
    if source.kind == "text":
        yield f"encoding = {_value(source.encoding)}"
        yield f"delimiter = {_value(source.delimiter)}"
        yield f"quote = {_value(source.quote)}"
    if source.sheet is not None:
        yield f"sheet = {_value(source.sheet)}"
    if source.kind != "database":
        yield f"heading_row = {source.heading_row}"
        yield f"heading_rows = {source.heading_rows}"
    yield "columns = ["
    for heading in source.columns:
        yield f"    {_value(heading)},"
    yield "]"


def _table_lines(
    table: TableMap, evidence: Map[str, Evidence], personal: set[str | None]
) -> Iterator[str]:
    contract = CONTRACTS[table.name]
    yield "[[tables]]"
    yield f"name = {_value(table.name)}  # {contract.label}: {contract.grain.splitlines()[0]}"
    yield f"source = {_value(table.source)}"
    yield f"confidence = {_value(table.confidence)}"
    if table.only_with:
        yield "# A row without these is none of this table:"
        yield f"only_with = {_value(table.only_with)}"
    coded = {}
    yield ""
    yield "[tables.columns]"
    for name, column in table.columns.items():
        looks = evidence.get(column.heading or "")
        if column.codes is not None:
            coded[name] = column
            continue
        hidden = column.heading in personal
        yield f"{name} = {_inline(column)}{_comment(contract.declared[name], looks, hidden)}"
    for name, column in coded.items():
        yield ""
        yield f"[tables.columns.{name}]  # {contract.declared[name].label}"
        for field, value in _fields(column):
            if field != "codes":
                yield f"{field} = {_value(value)}"
        allowed = contract.declared[name].allowed
        yield f'# {", ".join(allowed) if allowed else "true, false"}; "" is none, "?" unknown'
        yield f"[tables.columns.{name}.codes]"
        values = (evidence.get(column.heading or "") or _NOTHING).values
        for code, meaning in (column.codes or {}).items():
            rows = f"  # {values[code]:,} rows" if code in values else ""
            yield f"{_key(code)} = {_value(meaning)}{rows}"


_NOTHING = Evidence("", 0, 0, (), {}, {})


def _inline(column: ColumnMap) -> str:
    return "{" + ", ".join(f"{field} = {_value(value)}" for field, value in _fields(column)) + "}"


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


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    # A string of JSON is one of TOML, but for the delete character.
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    return name if name.isascii() and name.replace("_", "").isalnum() else _value(name)
