"""Reception of quotes and contacts, of the behaviour group: what becomes of a quote, how often the
customer asks for another, and at what time of day they view quotes and answer contacts."""

import ibis.expr.types as ir

from features.tags.choices import FEWEST_CONTACTS, highest, response_share, share_of
from features.tags.declare import D365, M36
from features.tags.groups.behaviour import GROUP
from features.tags.relations.day_parts import PARTS

tag = GROUP.tag
family = GROUP.family
members = GROUP.members

NO_QUOTES = "quotes are absent"
NO_VIEW = "no quote of the window was viewed"


@family("报价看后未购次数", D365, unit="quotes", relation="quotes", type="int64", null=NO_QUOTES,
        empty=0)  # fmt: skip
def quote_viewed_not_bought_count(t: ir.Table, within: ir.Value) -> ir.Value:
    """Number of quotes made within {window} that the customer viewed and that, so far, led to no
    purchase: no term of the line and vehicle quoted was signed within 60 days of the quote."""
    return t.count(where=within & t.viewed_at.notnull() & ~t.bought)


@family("报价看后购买率", M36, unit="share", relation="quotes", null=NO_VIEW)
def quote_viewed_bought_share(t: ir.Table, within: ir.Value) -> ir.Value:
    """Of the quotes made within {window} that the customer viewed, the share that led to a term of
    the line and vehicle quoted, signed within 60 days of the quote."""
    viewed = within & t.viewed_at.notnull()
    return share_of(t.count(where=viewed & t.bought), t.count(where=viewed))


@family("平均报价触达天数", D365, unit="days", relation="quotes",
        null="no quote of the window reached the customer")  # fmt: skip
def quote_delivery_delay_days(t: ir.Table, within: ir.Value) -> ir.Value:
    """Mean days from the quote to its reaching the customer, of quotes made within {window}."""
    return share_of(t.delivery_days.sum(where=within), t.delivery_days.count(where=within))


@family("平均报价查看天数", M36, unit="days", relation="quotes", null=NO_VIEW)
def quote_view_delay_days(t: ir.Table, within: ir.Value) -> ir.Value:
    """Mean days from a quote's reaching the customer to the view, of quotes made within {window};
    from the quote where it is not known when it reached them."""
    return share_of(t.view_days.sum(where=within), t.view_days.count(where=within))


@tag("连续未查看报价数", unit="quotes", relation="quotes", null=NO_QUOTES, type="int64",
     empty=0)  # fmt: skip
def quotes_since_last_viewed(t: ir.Table) -> ir.Value:
    """Number of quotes made after the last one that was viewed; all of them if none was."""
    return t.count(where=t.since_last_viewed)


@tag("距上次查看报价天数", unit="days", relation="quotes", null="no quote was viewed",
     type="int64")  # fmt: skip
def days_since_last_quote_view(t: ir.Table) -> ir.Value:
    """Days since the customer last viewed a quote."""
    return t.viewed_days_ago.min()


@family("每单询价次数", M36, unit="quotes", relation="quotes",
        null="no quote for a renewal was made in the window")  # fmt: skip
def quotes_per_renewal(t: ir.Table, within: ir.Value) -> ir.Value:
    """Quotes made within {window} for renewing a term / terms they were to renew."""
    return share_of(t.policy_id.count(where=within), t.policy_id.nunique(where=within))


@family("续保报价触达率", M36, unit="share", relation="quotes",
        null="no quote for a renewal was made in the window")  # fmt: skip
def quoted_renewals_reached_share(t: ir.Table, within: ir.Value) -> ir.Value:
    """Of the terms for whose renewal a quote was made within {window}, the share for which one
    reached the customer: was delivered or viewed."""
    reached = within & (t.delivered_at.notnull() | t.viewed_at.notnull())
    return share_of(t.policy_id.nunique(where=reached), t.policy_id.nunique(where=within))


@family("续保报价查看率", M36, unit="share", relation="quotes",
        null="no quote for a renewal was made in the window")  # fmt: skip
def quoted_renewals_viewed_share(t: ir.Table, within: ir.Value) -> ir.Value:
    """Of the terms for whose renewal a quote was made within {window}, the share for which the
    customer viewed one."""
    viewed = within & t.viewed_at.notnull()
    return share_of(t.policy_id.nunique(where=viewed), t.policy_id.nunique(where=within))


@tag("续保不同报价数", unit="premiums", relation="renewal_quotes", type="int64",
     null=NO_QUOTES, empty=0)  # fmt: skip
def renewal_quote_premiums(t: ir.Table) -> ir.Value:
    """Number of different premiums quoted for renewing the commercial term in force that ends
    first: above 1 where the customer shopped or bargained."""
    return t.premium.nunique()


@tag("续保询价渠道数", unit="channels", relation="renewal_quotes", type="int64",
     null=NO_QUOTES, empty=0)  # fmt: skip
def renewal_quote_channels(t: ir.Table) -> ir.Value:
    """Number of channels that quoted for renewing the commercial term in force that ends first."""
    return t.channel.nunique()


@members(
    {
        "direct_quote_count": ("直销报价次数", "direct"),
        "telephone_quote_count": ("电销报价次数", "telephone"),
        "online_quote_count": ("网销报价次数", "online"),
        "agent_quote_count": ("代理报价次数", "agent"),
        "broker_quote_count": ("经纪报价次数", "broker"),
        "dealer_quote_count": ("车商报价次数", "dealer"),
    },
    D365, unit="quotes", relation="quotes", type="int64", null=NO_QUOTES, empty=0,
)  # fmt: skip
def channel_quote_count(t: ir.Table, within: ir.Value, channel: str) -> ir.Value:
    """Number of quotes made by the channel {value} within {window}."""
    return t.count(where=within & (t.channel == channel))


@family("偏好查看时段", M36, unit="part of day", relation="quotes", type="string", null=NO_VIEW)
def preferred_view_part_of_day(t: ir.Table, within: ir.Value) -> ir.Value:
    """Part of the day in which most quotes made within {window} were viewed: morning 上午,
    afternoon 下午, evening 晚上 or night 夜间; of equals the earlier."""
    return highest({part: t.count(where=within & (t.view_part == part)) for part in PARTS})


@family(
    "最佳触达时段",
    M36,
    unit="part of day",
    relation="interactions",
    type="string",
    null="no part of the day has 3 contacts in the window, one of them responded to",
)
def best_contact_part_of_day(t: ir.Table, within: ir.Value) -> ir.Value:
    """Part of the day with the highest response share of the contacts we made within {window},
    among those with 3 contacts or more: morning 上午, afternoon 下午, evening 晚上 or night 夜间;
    of equals the earlier."""
    return highest(
        {part: response_share(t, within & (t.part == part), FEWEST_CONTACTS) for part in PARTS}
    )


# The customer chooses the hour of a view, we choose that of a contact: a count of answers would
# reflect our choice, so answers are a share of the contacts made in that part of the day.
with GROUP.interleaved():

    @members(
        {
            "morning_quote_view_share": ("上午报价查看占比", "morning"),
            "afternoon_quote_view_share": ("下午报价查看占比", "afternoon"),
            "evening_quote_view_share": ("晚上报价查看占比", "evening"),
            "night_quote_view_share": ("夜间报价查看占比", "night"),
        },
        M36, unit="share", relation="quotes", null=NO_VIEW,
    )  # fmt: skip
    def part_quote_view_share(t: ir.Table, within: ir.Value, part: str) -> ir.Value:
        """Of the quotes made within {window} and viewed, the share viewed in the {value} (morning
        from 6, afternoon from 12, evening from 18, night from 22 o'clock)."""
        seen = within & t.viewed_at.notnull()
        return share_of(t.count(where=seen & (t.view_part == part)), t.count(where=seen))

    @members(
        {
            "morning_contact_response_share": ("上午触达响应率", "morning"),
            "afternoon_contact_response_share": ("下午触达响应率", "afternoon"),
            "evening_contact_response_share": ("晚上触达响应率", "evening"),
            "night_contact_response_share": ("夜间触达响应率", "night"),
        },
        M36, unit="share", relation="interactions",
        null="we made no contact in the {value} in the window",
    )  # fmt: skip
    def part_contact_response_share(t: ir.Table, within: ir.Value, part: str) -> ir.Value:
        """Of the contacts we made in the {value} within {window}, the share that the customer
        responded to."""
        return response_share(t, within & (t.part == part))


@family("周末报价查看占比", M36, unit="share", relation="quotes", null=NO_VIEW)
def weekend_quote_view_share(t: ir.Table, within: ir.Value) -> ir.Value:
    """Of the quotes made within {window} and viewed, the share viewed on Saturday or Sunday."""
    viewed = within & t.viewed_at.notnull()
    return share_of(t.count(where=viewed & t.view_on_weekend), t.count(where=viewed))


@family("周末触达响应率", M36, unit="share", relation="interactions",
        null="we made no contact on a weekend in the window")  # fmt: skip
def weekend_contact_response_share(t: ir.Table, within: ir.Value) -> ir.Value:
    """Of the contacts we made on Saturday or Sunday within {window}, the share that the customer
    responded to."""
    return response_share(t, within & t.on_weekend)


@tag("近365天报价触达率", unit="share", window="365 days",
     null="no quote was made in the window")  # fmt: skip
def quote_delivered_share_365d(t: ir.Table) -> ir.Value:
    """quote_delivered_count_365d / quote_count_365d."""
    return share_of(t.quote_delivered_count_365d, t.quote_count_365d)


@tag("近365天报价查看率", unit="share", window="365 days",
     null="no quote was made in the window")  # fmt: skip
def quote_viewed_share_365d(t: ir.Table) -> ir.Value:
    """quote_viewed_count_365d / quote_count_365d."""
    return share_of(t.quote_viewed_count_365d, t.quote_count_365d)
