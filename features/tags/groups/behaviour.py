"""Behaviour tags 行为: quotes asked for, reached and read; sensitivity to price; way of buying."""

import ibis
import ibis.expr.types as ir

from features.contracts.vocabulary import MOTOR_LINES
from features.tags.declare import D30, D90, D180, D365, M36, TagGroup

GROUP = TagGroup("behaviour", "行为")
tag = GROUP.tag
family = GROUP.family
members = GROUP.members

NO_QUOTE = "no quote is known"
NO_RENEWAL_QUOTE = "no quote for renewing the commercial term in force that ends first"
NO_RENEWAL = "no commercial term of the same vehicle follows another"
# A renewal priced above the year before by more than this counts as an increase.
INCREASE = 1.05
LAST_MINUTE_DAYS = 3


@family("报价次数", D30, D90, D180, D365, unit="quotes", relation="quotes", type="int64",
        null="quotes are absent", empty=0)  # fmt: skip
def quote_count(t: ir.Table, within: ir.Value) -> ir.Value:
    """Number of quotes made within {window}."""
    return t.count(where=within)


@family("触达报价次数", D90, D365, unit="quotes", relation="quotes", type="int64",
        null="quotes are absent", empty=0)  # fmt: skip
def quote_delivered_count(t: ir.Table, within: ir.Value) -> ir.Value:
    """Number of quotes made within {window} that reached the customer."""
    return t.count(where=within & t.delivered_at.notnull())


@family("查看报价次数", D90, D365, unit="quotes", relation="quotes", type="int64",
        null="quotes are absent", empty=0)  # fmt: skip
def quote_viewed_count(t: ir.Table, within: ir.Value) -> ir.Value:
    """Number of quotes made within {window} that the customer viewed."""
    return t.count(where=within & t.viewed_at.notnull())


@family("报价渠道数", D365, unit="channels", relation="quotes", type="int64",
        null="quotes are absent", empty=0)  # fmt: skip
def quote_channels(t: ir.Table, within: ir.Value) -> ir.Value:
    """Number of different channels that quoted within {window}."""
    return t.channel.nunique(where=within)


@family("非车险报价次数", D365, unit="quotes", relation="quotes", type="int64",
        null="quotes are absent", empty=0)  # fmt: skip
def non_motor_quote_count(t: ir.Table, within: ir.Value) -> ir.Value:
    """Number of quotes for other than motor cover made within {window}."""
    return t.count(where=within & t.line.notin(MOTOR_LINES))


@members(
    {
        "accident_quote_count": ("意外险报价次数", "accident"),
        "health_quote_count": ("健康险报价次数", "health"),
        "household_quote_count": ("家财险报价次数", "household"),
    },
    D365, M36, unit="quotes", relation="quotes", type="int64", null="quotes are absent", empty=0,
)  # fmt: skip
def line_quote_count(t: ir.Table, within: ir.Value, line: str) -> ir.Value:
    """Number of quotes for {value} cover made within {window}."""
    return t.count(where=within & (t.line == line))


@tag("距上次报价天数", unit="days", relation="quotes", null=NO_QUOTE, type="int64")
def days_since_last_quote(t: ir.Table) -> ir.Value:
    """Days since the latest quote was made."""
    return t.days_ago.min()


@tag("续保报价次数", unit="quotes", relation="renewal_quotes", type="int64",
     null="quotes are absent", empty=0)  # fmt: skip
def renewal_quote_count(t: ir.Table) -> ir.Value:
    """Number of quotes for renewing the commercial term in force that ends first."""
    return t.count()


@tag("续保报价保费", unit="yuan", relation="renewal_quotes", null=NO_RENEWAL_QUOTE)
def renewal_quote_premium(t: ir.Table) -> ir.Value:
    """Premium of the latest quote for renewing the commercial term in force that ends first."""
    return t.premium.max(where=t.latest).cast("float64")


@tag("续保报价变化率", unit="change", relation="renewal_quotes", null=NO_RENEWAL_QUOTE)
def renewal_quote_change_ratio(t: ir.Table) -> ir.Value:
    """Premium of the latest renewal quote / premium of the term it would renew - 1."""
    quoted = t.premium.max(where=t.latest).cast("float64")
    paid = t.expiring_premium.max(where=t.latest).cast("float64")
    return (paid > 0).ifelse(quoted / paid - 1, ibis.null("float64"))


@tag("续保报价降幅", unit="share", relation="renewal_quotes", null=NO_RENEWAL_QUOTE)
def renewal_quote_spread(t: ir.Table) -> ir.Value:
    """Highest / lowest premium quoted for the renewal - 1: how far the price was talked down."""
    low = t.premium.min().cast("float64")
    return (low > 0).ifelse(t.premium.max().cast("float64") / low - 1, ibis.null("float64"))


@tag("续保报价已触达", unit="yes or no", relation="renewal_quotes", null="quotes are absent",
     type="boolean", empty=0)  # fmt: skip
def renewal_quote_delivered(t: ir.Table) -> ir.Value:
    """Whether any quote for the coming renewal reached the customer."""
    return t.delivered_at.notnull().any()


@tag("续保报价已查看", unit="yes or no", relation="renewal_quotes", null="quotes are absent",
     type="boolean", empty=0)  # fmt: skip
def renewal_quote_viewed(t: ir.Table) -> ir.Value:
    """Whether the customer viewed any quote for the coming renewal."""
    return t.viewed_at.notnull().any()


@tag("距续保报价天数", unit="days", relation="renewal_quotes", null=NO_RENEWAL_QUOTE,
     type="int64")  # fmt: skip
def days_since_renewal_quote(t: ir.Table) -> ir.Value:
    """Days since the latest quote for the coming renewal was made."""
    return t.days_ago.min()


@tag("接受涨价次数", unit="renewals", relation="motor_terms", type="int64", empty=0)
def price_increases_accepted(t: ir.Table) -> ir.Value:
    """Number of commercial terms bought at over 5% above the same vehicle's term before."""
    return t.count(where=_increased(t))


@tag("接受涨价占比", unit="share", relation="motor_terms", null=NO_RENEWAL)
def price_increase_acceptance_share(t: ir.Table) -> ir.Value:
    """Share of the commercial terms that followed another which were bought at over 5% more; only
    where both premiums are known."""
    follows = t.commercial & (t.previous_premium > 0) & t.written_premium.notnull()
    renewals = t.count(where=follows)
    share = t.count(where=_increased(t)).cast("float64") / renewals
    return (renewals > 0).ifelse(share, ibis.null("float64"))


@tag("历史最大涨幅", unit="change", relation="motor_terms", null=NO_RENEWAL)
def largest_premium_increase(t: ir.Table) -> ir.Value:
    """Largest premium change, as a share, at which a commercial term followed another."""
    change = t.written_premium.cast("float64") / t.previous_premium.cast("float64") - 1
    return change.max(where=t.commercial & (t.previous_premium > 0))


@tag("渠道更换次数", unit="changes", relation="motor_terms", type="int64", empty=0)
def channel_switches(t: ir.Table) -> ir.Value:
    """Number of commercial terms bought through another channel than the term before."""
    return t.count(where=t.commercial & (t.channel != t.previous_channel))


@tag("降低三者险保额次数", unit="changes", relation="motor_terms", type="int64", empty=0)
def third_party_limit_reductions(t: ir.Table) -> ir.Value:
    """Number of commercial terms with a lower third-party limit than the term before."""
    return t.count(where=t.commercial & (t.third_party_limit < t.previous_limit))


@tag("签单提前天数", unit="days", relation="motor_terms", type="int64",
     null="no motor term is known")  # fmt: skip
def days_signed_before_inception(t: ir.Table) -> ir.Value:
    """Days from signing to inception of the leading motor term."""
    return (t.signed_days_ago - t.started_days_ago).max(where=t.leading)


@tag("临期签单次数", unit="terms", relation="motor_terms", type="int64", empty=0)
def last_minute_signings(t: ir.Table) -> ir.Value:
    """Number of commercial terms signed 3 days or less before inception."""
    ahead = t.signed_days_ago - t.started_days_ago
    return t.count(where=t.commercial & (ahead <= LAST_MINUTE_DAYS))


@tag("近90天报价查看率", unit="share", window="90 days",
     null="no quote was made in the window")  # fmt: skip
def quote_viewed_share_90d(t: ir.Table) -> ir.Value:
    """quote_viewed_count_90d / quote_count_90d."""
    share = t.quote_viewed_count_90d / t.quote_count_90d
    return (t.quote_count_90d > 0).ifelse(share, ibis.null("float64"))


def _increased(t: ir.Table) -> ir.Value:
    """Mark commercial terms dearer than the one before by more than `INCREASE`, exactly."""
    paid, before = t.written_premium, t.previous_premium
    return t.commercial & (before > 0) & (paid * 100 > before * round(INCREASE * 100))
