"""The catalogue of all tags: the groups in order, and every tag by name."""

from functools import cache

import ibis
import ibis.expr.types as ir

from features.tags.declare import Tag, TagGroup


def groups() -> dict[str, TagGroup]:
    """All tag groups by name, in the order of the catalogue."""
    # Imported on use: the groups' modules declare their tags with this one. A group whose tags fill
    # several modules holds them in the order in which these are imported here.
    import features.tags.birthday
    import features.tags.claims_chain
    import features.tags.claims_detail
    import features.tags.cover_history
    import features.tags.life_cycle
    import features.tags.preferences
    import features.tags.price_history
    import features.tags.product_basket
    import features.tags.quote_reception
    import features.tags.sensitivity
    import features.tags.touch_history  # noqa: F401
    from features.tags.behaviour import GROUP as BEHAVIOUR
    from features.tags.claims import GROUP as CLAIMS
    from features.tags.engagement import GROUP as ENGAGEMENT
    from features.tags.entitlements import GROUP as ENTITLEMENTS
    from features.tags.loyalty import GROUP as LOYALTY
    from features.tags.telematics import GROUP as TELEMATICS
    from features.tags.underwriting import GROUP as UNDERWRITING
    from features.tags.vehicle_care import GROUP as VEHICLE_CARE

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
