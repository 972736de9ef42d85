"""Preference tags 偏好, of the behaviour group: what the customer buys, when and through whom."""

import ibis.expr.types as ir

from features.contracts.vocabulary import CHANNELS, NON_MOTOR_LABELS
from features.tags.choices import highest, share_of
from features.tags.declare import M36
from features.tags.groups.behaviour import GROUP

tag = GROUP.tag
family = GROUP.family

# The limit bought most often. An insurer whose customers mostly buy another limit changes it.
USUAL_THIRD_PARTY_LIMIT = 2_000_000


@tag("提高三者险保额次数", unit="changes", relation="motor_terms", type="int64", empty=0)
def third_party_limit_increases(t: ir.Table) -> ir.Value:
    """Number of commercial terms with a higher third-party limit than the term before."""
    return t.count(where=t.commercial & (t.third_party_limit > t.previous_limit))


@tag("三者险保额变化率", unit="change", relation="motor_terms",
     null="no commercial term in force, or it is the vehicle's first with us")  # fmt: skip
def third_party_limit_change_ratio(t: ir.Table) -> ir.Value:
    """Third-party limit of the commercial term in force that ends first / that of the term before
    - 1."""
    change = t.third_party_limit.cast("float64") / t.previous_limit.cast("float64") - 1
    chosen = t.commercial & t.next_of_line & t.in_force & (t.previous_limit > 0)
    return change.max(where=chosen)


@tag("购买驾乘意外险年度数", unit="terms", window="ever", relation="motor_terms", type="int64",
     empty=0)  # fmt: skip
def driver_accident_terms_ever(t: ir.Table) -> ir.Value:
    """Number of commercial terms bought with driver accident cover added."""
    return t.count(where=t.commercial & t.driver_accident_cover)


@tag("购买驾乘意外险占比", unit="share", window="ever", relation="motor_terms",
     null="of no commercial term is it known whether the cover was added")  # fmt: skip
def driver_accident_share_ever(t: ir.Table) -> ir.Value:
    """Share of the commercial terms that were bought with driver accident cover added."""
    bought = t.count(where=t.commercial & t.driver_accident_cover)
    return share_of(bought, t.driver_accident_cover.count(where=t.commercial))


@tag("平均签单提前天数", unit="days", window="ever", relation="motor_terms",
     null="no commercial term is known")  # fmt: skip
def signing_lead_days_mean(t: ir.Table) -> ir.Value:
    """Mean days from signing to inception of the commercial terms."""
    ahead = t.signed_days_ago - t.started_days_ago
    return share_of(ahead.sum(where=t.commercial), t.count(where=t.commercial))


@tag("偏好投保渠道", unit="channel", window="ever", relation="motor_terms", type="string",
     null="no motor term with a known channel")  # fmt: skip
def preferred_purchase_channel(t: ir.Table) -> ir.Value:
    """Channel through which most motor terms were bought: direct 直销, telephone 电销, online 网销,
    agent 代理, broker 经纪 or dealer 车商; of equals the first in this order."""
    return highest({channel: t.count(where=t.channel == channel) for channel in CHANNELS})


@tag("随车险购买非车险次数", unit="policies", window="ever", relation="non_motor_terms",
     type="int64", empty=0)  # fmt: skip
def non_motor_with_motor_ever(t: ir.Table) -> ir.Value:
    """Number of non-motor policies signed fewer than 7 days before or after a motor term."""
    return t.count(where=t.with_motor)


@family("平均非车险保费", M36, unit="yuan", relation="non_motor_terms",
        null="no non-motor policy was signed in the window")  # fmt: skip
def non_motor_premium_mean(t: ir.Table, within: ir.Value) -> ir.Value:
    """Mean written premium of the non-motor policies signed within {window}."""
    return share_of(t.written_premium.sum(where=within), t.written_premium.count(where=within))


@tag("偏好非车险", unit="line", window="ever", relation="non_motor_terms", type="string",
     null="no accident, health or household policy was signed")  # fmt: skip
def preferred_non_motor_line(t: ir.Table) -> ir.Value:
    """Non-motor line of which most policies were signed: accident 意外险, health 健康险 or
    household 家财险; of equals the first in this order."""
    return highest({line: t.count(where=t.line == line) for line in NON_MOTOR_LABELS})


@tag("三者险保额与常见保额之比", unit="ratio", needs=("third_party_limit",),
     null="no commercial term in force")  # fmt: skip
def third_party_limit_to_usual(t: ir.Table) -> ir.Value:
    """third_party_limit / 2,000,000 yuan, the limit bought most often: above 1 for who wants more
    cover than is usual."""
    return t.third_party_limit / USUAL_THIRD_PARTY_LIMIT
