"""What a tag depends on is read from its expression."""

from features.contracts.tables import CONTRACTS
from features.tags.catalogue import catalogue
from features.tags.lineage import tag_columns, tag_tables


def test_every_tag_depends_on_columns_of_the_contracts() -> None:
    columns = tag_columns()
    assert columns.keys() == catalogue().keys()
    for name, read in columns.items():
        assert read, name
        assert all(column in CONTRACTS[table].columns for table, column in read)


def test_a_plain_tag_reads_its_column_alone() -> None:
    columns = tag_columns()
    assert columns["gender"] == {("customers", "gender")}
    assert columns["age_years"] == {("customers", "birth_date")}


def test_a_tag_reads_what_its_relation_is_filtered_and_joined_by() -> None:
    columns = tag_columns()["customer_value"]
    assert {("policies", "written_premium"), ("policies", "line")} <= columns
    assert {("claims", "policy_id"), ("claim_movements", "paid_change")} <= columns
    assert ("policies", "ncd_level") not in columns


def test_a_derived_tag_depends_on_what_its_sources_do() -> None:
    tags, tables = catalogue(), tag_tables()
    derived = [name for name, tag in tags.items() if tag.relation is None]
    assert len(derived) > 10
    assert tables["customer_value"] == {"policies", "claims"}
    assert all(tables[name] for name in derived)
