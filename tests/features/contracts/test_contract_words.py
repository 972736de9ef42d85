"""What contracts say to people: Chinese reasons, units, what absence means, an example row."""

from collections.abc import Callable

import ibis
import ibis.expr.datatypes as dt
import pytest
import yaml

from features.checking import csv_lines
from features.contracts.contract_sql import sql_type
from features.contracts.example_rows import EXAMPLE_ROWS
from features.contracts.odcs import LOGICAL, render
from features.contracts.reasons import LINES, reason_of, reasons_of
from features.contracts.rules import (
    AS_DELIVERED,
    broken_rules,
    contradictions,
    disagreement,
    left_out,
)
from features.contracts.tables import CONTRACTS
from features.imports.reading.odd_lines import REASONS

NUMBERS = (dt.Decimal, dt.Int64, dt.Float64)


def sentences_of(name: str) -> list[str]:
    """Every sentence that a check can give about rows of a table with all columns delivered."""
    contract = CONTRACTS[name]
    delivered = {AS_DELIVERED + column: "string" for column in contract.columns}
    row = ibis.table(dict(contract.columns) | delivered, name="rows")
    lost = [left_out(column, sentence) for column, sentence, _ in contradictions(contract, row)]
    return [
        *(sentence for sentence, _ in broken_rules(contract, row)),
        *lost,
        disagreement(contract),
        "customer_id is not a known customer",
    ]


@pytest.mark.parametrize("name", CONTRACTS)
def test_every_reason_of_a_check_is_said_in_chinese(name: str) -> None:
    assert [text for text in sentences_of(name) if text not in reasons_of(name)] == []
    chinese = [reason.chinese for reason in reasons_of(name).values()]
    assert [
        text for text in chinese if not any("\u4e00" <= sign <= "\u9fff" for sign in text)
    ] == []


def test_every_reason_of_an_import_is_said_in_chinese() -> None:
    for name, contract in CONTRACTS.items():
        needed = [column for column in contract.columns if not contract.declared[column].nullable]
        reasons = [
            f"{column} {fault}" for column in needed for fault in ("cannot be read", "is missing")
        ]
        reasons.append(f"rows with the same {contract.key} disagree")
        assert [text for text in reasons if text not in reasons_of(name)] == []


def test_every_fault_of_a_line_is_said_in_chinese() -> None:
    faults = {csv_lines.CELLS, csv_lines.QUOTES, csv_lines.ENCODING, csv_lines.HEADING}
    assert faults | set(REASONS.values()) <= set(LINES)
    assert reason_of("policies", "the line cannot be read: invalid").chinese == "该行无法读取"


def test_an_unknown_sentence_is_kept() -> None:
    assert reason_of("policies", "something new").chinese == "something new"


def test_a_rule_names_the_cells_it_reads() -> None:
    assert reasons_of("policies")["cover ends after it begins"].columns == ("inception", "expiry")


@pytest.mark.parametrize("name", CONTRACTS)
def test_every_number_has_a_unit_and_every_column_an_example(name: str) -> None:
    contract = CONTRACTS[name]
    numbers = [column for column, type_ in contract.columns.items() if isinstance(type_, NUMBERS)]
    assert [column for column in numbers if not contract.declared[column].unit] == []
    assert list(EXAMPLE_ROWS[name]) == list(contract.columns)
    absent = [column for column, cell in EXAMPLE_ROWS[name].items() if not cell]
    assert [column for column in absent if not contract.declared[column].nullable] == []


def test_the_example_rows_keep_the_contracts(check_rows: Callable[..., dict[str, object]]) -> None:
    # A merge names two customers, and there is one.
    alone = {name: row for name, row in EXAMPLE_ROWS.items() if name != "customer_merges"}
    assert check_rows(alone) == dict.fromkeys(alone, (1, 0, {}))
    assert set(EXAMPLE_ROWS) == set(CONTRACTS)
    merged = EXAMPLE_ROWS["customer_merges"]
    assert merged["merged_into"] == EXAMPLE_ROWS["customers"]["customer_id"]
    assert list(merged) == list(CONTRACTS["customer_merges"].columns)


def test_the_open_data_contract_names_every_column_with_its_type() -> None:
    document = yaml.safe_load(render("1.2.3"))
    assert {key: document[key] for key in ("kind", "apiVersion", "version", "status")} == {
        "kind": "DataContract", "apiVersion": "v3.0.1", "version": "1.2.3", "status": "active",
    }  # fmt: skip
    assert [table["name"] for table in document["schema"]] == list(CONTRACTS)
    for table, contract in zip(document["schema"], CONTRACTS.values(), strict=True):
        assert [column["name"] for column in table["properties"]] == list(contract.columns)
        for column in table["properties"]:
            name, type_ = column["name"], contract.columns[column["name"]]
            assert column["physicalType"] == sql_type(type_)
            assert column["logicalType"] == LOGICAL[type(type_)]
            assert column["required"] is not contract.declared[name].nullable
        keys = [column["name"] for column in table["properties"] if column.get("primaryKey")]
        assert keys == [contract.key, "recorded_at"]
