"""Write the contracts of the raw tables in the Open Data Contract Standard, version 3.

Only fields that versions 3.0 and 3.1 read alike are used: an allowed value is a pattern, a rule
across columns is a sentence.
"""

import re
from typing import Any

import ibis.expr.datatypes as dt
import yaml

from features.contracts.contract import Column, Contract, Rule
from features.contracts.contract_sql import sql_type
from features.contracts.example_rows import EXAMPLE_ROWS
from features.contracts.tables import CONTRACTS

API_VERSION = "v3.0.1"
LOGICAL = {
    dt.Timestamp: "date",
    dt.Date: "date",
    dt.Decimal: "number",
    dt.Int64: "integer",
    dt.Float64: "number",
    dt.Boolean: "boolean",
    dt.String: "string",
}
FORMATS = {dt.Timestamp: "yyyy-MM-dd'T'HH:mm:ssXXX", dt.Date: "yyyy-MM-dd"}
UNIQUE = "Two rows with the same {key} and recorded_at say the same: of those that differ, the last"


def render(version: str) -> str:
    """Render the contracts as YAML.

    Parameters
    ----------
    version : str
        The version of Guanjia whose contracts they are.
    """
    contract = {
        "apiVersion": API_VERSION,
        "kind": "DataContract",
        "id": "guanjia-raw-tables",
        "name": "Guanjia raw tables 管家原始表",
        "version": version,
        "status": "active",
        "domain": "motor insurance",
        "description": {
            "purpose": "What an insurer delivers, and tags, stars and models are computed from.",
            "usage": "docs/raw-tables.md says what depends on each column, docs/import.md how"
            " exports become these tables.",
        },
        "schema": [_table(contract) for contract in CONTRACTS.values()],
    }
    return str(yaml.safe_dump(contract, allow_unicode=True, sort_keys=False, width=100))


def _table(contract: Contract) -> dict[str, Any]:
    return {
        "name": contract.name,
        "businessName": contract.label,
        "physicalName": contract.name,
        "physicalType": "table",
        "logicalType": "object",
        "description": contract.grain,
        "dataGranularityDescription": contract.grain,
        "tags": ["required" if contract.required else "optional"],
        "properties": [_column(contract, name) for name in contract.columns],
        "quality": [
            {"type": "text", "description": UNIQUE.format(key=contract.key) + " delivered counts."},
            *(_rule(rule) for rule in contract.rules),
        ],
        "customProperties": [{"property": "eventTime", "value": contract.event_time}],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    return {"type": "text", "description": f"{rule.sentence}. {rule.chinese}"}


def _column(contract: Contract, name: str) -> dict[str, Any]:
    declared, type_ = contract.declared[name], contract.columns[name]
    column: dict[str, Any] = {
        "name": name,
        "businessName": declared.label,
        "logicalType": next(word for kind, word in LOGICAL.items() if isinstance(type_, kind)),
        "physicalType": sql_type(type_),
        "required": not declared.nullable,
    }
    if name in (contract.key, "recorded_at"):
        place = 1 if name == contract.key else 2
        column |= {"primaryKey": True, "primaryKeyPosition": place}
    if declared.personal:
        column["classification"] = "personal"
    if options := _options(declared, type_):
        column["logicalTypeOptions"] = options
    if example := EXAMPLE_ROWS[contract.name][name]:
        column["examples"] = [example]
    if declared.above is not None:
        column["quality"] = [{"type": "text", "description": f"is above {declared.above}"}]
    notes = {
        "unit": declared.unit,
        "nullMeaning": declared.null and f"{declared.null.english} {declared.null.chinese}",
        "milestone": "known from the moment it happens" if declared.milestone else None,
    }
    custom = [{"property": key, "value": value} for key, value in notes.items() if value]
    return column | ({"customProperties": custom} if custom else {})


def _options(declared: Column, type_: dt.DataType) -> dict[str, Any]:
    """Express the limits of a column, and the form of days and instants."""
    options: dict[str, Any] = {}
    for kind, form in FORMATS.items():
        if isinstance(type_, kind):
            options["format"] = form
    if declared.allowed:
        options["pattern"] = f"^({'|'.join(map(re.escape, declared.allowed))})$"
    if declared.at_least is not None:
        options["minimum"] = declared.at_least
    if declared.between is not None:
        options["minimum"], options["maximum"] = declared.between
    return options
