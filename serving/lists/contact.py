"""Name the contact that a list is for, and the days on which it is worked."""

from collections.abc import Callable, Collection, Mapping
from datetime import date, timedelta

from sqlalchemy import Connection

from features.contracts.vocabulary import CONTACT_CHANNEL_LABELS
from features.errors import unknown_name
from features.lake import Lake
from features.tags.relations.touchpoint_families import OTHER
from serving.campaigns.membership import taken_customers
from serving.decision.candidates import Candidate
from serving.decision.touchpoint_source import TouchpointSource
from serving.lists.definitions.definition import ListDefinition, ListDefinitionError
from serving.touchpoints.catalogue import load_touchpoints

CampaignOf = Callable[[Collection[str]], Mapping[str, str]]
"""Says which of some customers are in a campaign of higher priority, and in which."""


def nobody_else(_customers: Collection[str]) -> Mapping[str, str]:
    """Say that no campaign has any of the customers."""
    return {}


def at_work(as_of: date) -> date:
    """Return the day on which a list of a date is worked: the next one."""
    return date.fromordinal(as_of.toordinal() + 1)


def taken_by_campaigns(
    connection: Connection, definition: ListDefinition, as_of: date
) -> CampaignOf:
    """Return what says who is in a campaign of higher priority while a list is worked.

    Parameters
    ----------
    connection : Connection
        Of the records, for as long as it is asked.
    definition : ListDefinition
        The list: its days and its priority.
    as_of : date
        Date of its scores.
    """
    first = at_work(as_of)
    last = first + timedelta(days=definition.days - 1)
    return lambda customers: taken_customers(
        connection, customers, first, last, definition.priority
    )


def contact_of(lake: Lake, definition: ListDefinition) -> Candidate:
    """Build the contact of a list: that of its touchpoint, or a plain one by its channel.

    Raises
    ------
    GuanjiaError
        If the touchpoint is unknown, is no marketing, or cannot be made by the channel.
    """
    channel = definition.channel
    if definition.touchpoint is None:
        costs = {str(name): cost for name, cost in load_touchpoints(lake.home).shared.costs.items()}
        cost = float(costs[channel])
        return Candidate(
            definition.name, definition.label, OTHER, "marketing", channel, cost, definition.model
        )
    thing, chinese_thing = f"touchpoint {definition.touchpoint}", f"触点 {definition.touchpoint}"
    every = TouchpointSource(lake).every_candidate()
    own = [contact for contact in every if contact.touchpoint == definition.touchpoint]
    if not own:
        raise unknown_name(
            "touchpoint", definition.touchpoint, {contact.touchpoint for contact in every}
        )
    if own[0].kind != "marketing":
        cure = "leave it to `/decide`: a list would leave out whom it must reach"
        chinese_cure = "请交给决策逐一发送：名单会漏掉必须通知的人"
        chinese = chinese_thing, "是服务通知", chinese_cure
        raise ListDefinitionError(thing, "is a service message", cure, chinese=chinese)
    for contact in own:
        if contact.channel == channel and contact.offer is None:
            return contact
    channels = list(dict.fromkeys(contact.channel for contact in own))
    labels = "、".join(CONTACT_CHANNEL_LABELS.get(name, name) for name in channels)
    raise ListDefinitionError(
        thing,
        f"is not made by {channel}",
        f"choose one of: {', '.join(channels)}",
        chinese=(
            chinese_thing,
            f"不用{CONTACT_CHANNEL_LABELS.get(channel, channel)}联系",
            f"可选：{labels}",
        ),
    )
