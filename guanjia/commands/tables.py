"""Command to list the raw tables, and to write templates and contracts of them."""

from pathlib import Path
from typing import Annotated

import typer

from features.errors import GuanjiaError
from guanjia.terminal.options import Json
from guanjia.terminal.output import emit, short_path, table


def tables(
    name: Annotated[
        str | None, typer.Argument(metavar="TABLE", help="Show the columns of one table.")
    ] = None,
    template: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Write an empty workbook for each table there."),
    ] = None,
    odcs: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.yaml", help="Write the contracts in the Open Data Contract Standard."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """List the raw tables that are read; write empty workbooks or the contract."""
    from importlib.metadata import version

    from features.contracts.odcs import render
    from features.contracts.tables import CONTRACTS
    from features.errors import did_you_mean
    from features.imports.templates import write_templates
    from features.publishing import published

    if name is not None and name not in CONTRACTS:
        raise GuanjiaError(f"table {name}", "is not known", did_you_mean(name, CONTRACTS))
    written = write_templates(template) if template is not None else []
    if odcs is not None:
        with published(odcs) as draft:
            draft.write_text(render(version("guanjia")), encoding="utf-8")
        written.append(odcs)
    rows: list[dict[str, object]]
    if name is None:
        rows = [
            {
                "table": contract.name,
                "label": contract.label,
                "needed": "always" if contract.required else "for its tags",
                "columns": len(contract.columns),
                "one row": contract.grain,
            }
            for contract in CONTRACTS.values()
        ]
        title = "Raw tables (docs/raw-tables.md)"
    else:
        rows = _columns(name)
        title = f"Columns of {name} {CONTRACTS[name].label}"
    files = [f"Written: {short_path(path)}" for path in written]
    filled = (
        [f"Next: fill them in, then guanjia import plan {short_path(template)}"] if template else []
    )
    emit({"rows": rows, "written": written}, json, table(title, rows), *files, *filled)


def _columns(name: str) -> list[dict[str, object]]:
    """Describe the columns of a table."""
    from features.contracts.contract_sql import sql_type
    from features.contracts.example_rows import EXAMPLE_ROWS
    from features.contracts.tables import CONTRACTS

    contract = CONTRACTS[name]
    return [
        {
            "column": column,
            "label": declared.label,
            "type": sql_type(contract.columns[column]),
            "unit": declared.unit,
            "if absent": declared.null.english if declared.null is not None else "(needed)",
            "such as": EXAMPLE_ROWS[name][column] or None,
        }
        for column, declared in contract.declared.items()
    ]
