"""The catalogue of all tags: the groups in order, and every tag by name."""

from functools import cache

import ibis
import ibis.expr.types as ir

from features.tags.declare import Tag, TagGroup


def groups() -> dict[str, TagGroup]:
    """All tag groups by name, in the order of the catalogue."""
    # Imported on use: the groups' modules declare their tags with this one. A group whose tags fill
    # several modules holds them in the order in which these are imported here.
    import features.tags.groups.birthday
    import features.tags.groups.claims_chain
    import features.tags.groups.claims_detail
    import features.tags.groups.cover_history
    import features.tags.groups.life_cycle
    import features.tags.groups.preferences
    import features.tags.groups.price_history
    import features.tags.groups.product_basket
    import features.tags.groups.quote_reception
    import features.tags.groups.sensitivity
    import features.tags.groups.touch_history  # noqa: F401
    from features.tags.groups.behaviour import GROUP as BEHAVIOUR
    from features.tags.groups.claims import GROUP as CLAIMS
    from features.tags.groups.engagement import GROUP as ENGAGEMENT
    from features.tags.groups.entitlements import GROUP as ENTITLEMENTS
    from features.tags.groups.loyalty import GROUP as LOYALTY
    from features.tags.groups.telematics import GROUP as TELEMATICS
    from features.tags.groups.underwriting import GROUP as UNDERWRITING
    from features.tags.groups.vehicle_care import GROUP as VEHICLE_CARE

    found = (
        UNDERWRITING,
        CLAIMS,
        BEHAVIOUR,
        ENGAGEMENT,
        ENTITLEMENTS,
        LOYALTY,
        TELEMATICS,
        VEHICLE_CARE,
    )
    return {group.name: group for group in found}


def catalogue() -> dict[str, Tag]:
    """All tags by name. Names are unique over all groups."""
    tags: dict[str, Tag] = {}
    for group in groups().values():
        for name, tag in group.tags.items():
            if name in tags:
                raise ValueError(f"tag {name} is in both {tags[name].group} and {group.name}")
            tags[name] = tag
    return tags


@cache
def every_tag() -> ir.Table:
    """A table without rows that has every tag: what conditions are checked against."""
    return ibis.table({name: tag.type for name, tag in catalogue().items()}, name="tags")
