"""Collect the groups in order, and all tags by name."""

from collections.abc import Collection
from functools import cache

import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir

from features.tags.declare import Tag, TagGroup
from features.tags.groups import (
    behaviour,
    birthday,
    claims,
    claims_chain,
    claims_detail,
    cover_history,
    engagement,
    entitlements,
    life_cycle,
    loyalty,
    preferences,
    price_history,
    product_basket,
    quote_reception,
    sensitivity,
    telematics,
    touch_history,
    underwriting,
    vehicle_care,
)

GROUP_MODULES = (
    underwriting,
    claims,
    behaviour,
    engagement,
    entitlements,
    loyalty,
    telematics,
    vehicle_care,
)
"""Modules that begin a group, in the order of the catalogue."""

FURTHER_MODULES = (
    birthday,
    claims_chain,
    claims_detail,
    cover_history,
    life_cycle,
    preferences,
    price_history,
    product_basket,
    quote_reception,
    sensitivity,
    touch_history,
)
"""Modules that add tags to a group of another module; their tags follow in the order of import."""


def groups() -> dict[str, TagGroup]:
    """Return all tag groups by name, in the order of the catalogue."""
    return {module.GROUP.name: module.GROUP for module in GROUP_MODULES}


def catalogue() -> dict[str, Tag]:
    """Return all tags by name.

    Raises
    ------
    ValueError
        If two groups declare a tag of one name.
    """
    tags: dict[str, Tag] = {}
    for group in groups().values():
        for name, tag in group.tags.items():
            if name in tags:
                raise ValueError(f"tag {name} is in both {tags[name].group} and {group.name}")
            tags[name] = tag
    return tags


def row_of_tags() -> ir.Table:
    """Make a table without rows that has every tag beside the columns of a spine."""
    head = {"customer_id": "string", "as_of": "date", "cutoff": "timestamp('UTC', 6)"}
    tags = {name: tag.type for name, tag in catalogue().items()}
    return ibis.table(head | tags, name="tags_of_a_row")


def sources(tag: Tag, row: ir.Table) -> set[str]:
    """Return the columns of a row of tags that the expression of a derived tag reads."""
    return {field.name for field in tag.expression(row).op().find(ops.Field)}


def with_sources(names: Collection[str]) -> dict[str, list[Tag]]:
    """Return the named tags and those of their group that they are derived from, by group.

    The expression of a derived tag shows which tags it reads. Tags of other groups are not
    included; a tag lists them in `needs`.
    """
    tags, row = catalogue(), row_of_tags()
    selected, waiting = set(names), list(names)
    while waiting:
        tag = tags[waiting.pop()]
        if tag.relation is None:
            read = groups()[tag.group].tags.keys() & sources(tag, row) - selected
            selected |= read
            waiting += read
    return {
        group.name: [tag for name, tag in group.tags.items() if name in selected]
        for group in groups().values()
    }


@cache
def every_tag() -> ir.Table:
    """Make a table without rows that has every tag as a column, to check conditions against."""
    return ibis.table({name: tag.type for name, tag in catalogue().items()}, name="tags")
