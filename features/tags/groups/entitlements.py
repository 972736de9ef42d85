"""Entitlement tags 权益: services granted, activated, used and expired, by class, and their cost.

Grants and activations are counted by the day of the grant, uses and expiries by their own day.
"""

import ibis
import ibis.expr.types as ir

from features.tags.choices import share_of
from features.tags.declare import D365, M36, TagGroup

GROUP = TagGroup("entitlements", "权益")
tag = GROUP.tag
family = GROUP.family
members = GROUP.members

NO_ENTITLEMENTS = "entitlements are absent"


@family("权益发放次数", D365, M36, unit="services", relation="entitlements",
        null=NO_ENTITLEMENTS, type="int64", empty=0)  # fmt: skip
def entitlement_granted_count(t: ir.Table, within: ir.Value) -> ir.Value:
    """Number of entitlements granted within {window}."""
    return t.count(where=within)


@family("权益激活次数", D365, unit="services", relation="entitlements",
        null=NO_ENTITLEMENTS, type="int64", empty=0)  # fmt: skip
def entitlement_activated_count(t: ir.Table, within: ir.Value) -> ir.Value:
    """Number of entitlements granted within {window} that were activated."""
    return t.count(where=within & t.activated_at.notnull())


@family("权益通知次数", D365, unit="services", relation="entitlements",
        null=NO_ENTITLEMENTS, type="int64", empty=0)  # fmt: skip
def entitlement_notified_count(t: ir.Table, within: ir.Value) -> ir.Value:
    """Number of entitlements granted within {window} of which the customer was notified."""
    return t.count(where=within & t.notified_at.notnull())


@tag("近365天享权次数", unit="services", window="365 days", relation="entitlements",
     null=NO_ENTITLEMENTS, type="int64", empty=0)  # fmt: skip
def entitlement_used_count_365d(t: ir.Table) -> ir.Value:
    """Number of entitlements used within 365 days, whenever granted."""
    return t.count(where=t.used_days_ago < 365)


@tag("近36个月享权次数", unit="services", window="36 months", relation="entitlements",
     null=NO_ENTITLEMENTS, type="int64", empty=0)  # fmt: skip
def entitlement_used_count_36m(t: ir.Table) -> ir.Value:
    """Number of entitlements used within 36 months, whenever granted."""
    return t.count(where=t.used_in_36m)


@tag("近365天权益过期次数", unit="services", window="365 days", relation="entitlements",
     null=NO_ENTITLEMENTS, type="int64", empty=0)  # fmt: skip
def entitlement_expired_count_365d(t: ir.Table) -> ir.Value:
    """Number of entitlements that expired within 365 days without being used."""
    return t.count(where=t.expired & (t.expired_days_ago < 365))


@tag("近36个月权益过期次数", unit="services", window="36 months", relation="entitlements",
     null=NO_ENTITLEMENTS, type="int64", empty=0)  # fmt: skip
def entitlement_expired_count_36m(t: ir.Table) -> ir.Value:
    """Number of entitlements that expired within 36 months without being used."""
    return t.count(where=t.expired & t.expired_in_36m)


@tag("距上次享权天数", unit="days", relation="entitlements",
     null="no entitlement was used", type="int64")  # fmt: skip
def days_since_last_entitlement_use(t: ir.Table) -> ir.Value:
    """Days since an entitlement was last used."""
    return t.used_days_ago.min()


@tag("可用权益数", unit="services", relation="entitlements", null=NO_ENTITLEMENTS,
     type="int64", empty=0)  # fmt: skip
def entitlements_open(t: ir.Table) -> ir.Value:
    """Number of entitlements granted, not used and not expired."""
    return t.count(where=t.open)


@tag("距上次权益发放天数", unit="days", relation="entitlements", null="no entitlement was granted",
     type="int64")  # fmt: skip
def days_since_last_entitlement_grant(t: ir.Table) -> ir.Value:
    """Days since an entitlement was last granted."""
    return t.days_ago.min()


@tag("待通知权益数", unit="services", relation="entitlements", null=NO_ENTITLEMENTS,
     type="int64", empty=0)  # fmt: skip
def entitlements_to_notify(t: ir.Table) -> ir.Value:
    """Number of open entitlements of which the customer was not notified."""
    return t.count(where=t.open & t.notified_at.isnull())


@tag("待激活权益数", unit="services", relation="entitlements", null=NO_ENTITLEMENTS,
     type="int64", empty=0)  # fmt: skip
def entitlements_to_activate(t: ir.Table) -> ir.Value:
    """Number of open entitlements that the customer has not activated."""
    return t.count(where=t.open & t.activated_at.isnull())


@tag("距最近权益到期天数", unit="days", relation="entitlements", null="no entitlement is open",
     type="int64")  # fmt: skip
def days_to_next_entitlement_expiry(t: ir.Table) -> ir.Value:
    """Days to the day on which the first of the open entitlements expires."""
    return t.expires_in_days.min(where=t.open)


@tag("近365天享权成本", unit="yuan", window="365 days", relation="entitlements",
     null=NO_ENTITLEMENTS, empty=0)  # fmt: skip
def entitlement_cost_365d(t: ir.Table) -> ir.Value:
    """Cost of entitlements used within 365 days."""
    return t.unit_cost.sum(where=t.used_days_ago < 365).fill_null(0).cast("float64")


with GROUP.interleaved():

    @members(
        {
            "class_a_entitlement_granted_count": ("A类权益发放次数", "A"),
            "class_b_entitlement_granted_count": ("B类权益发放次数", "B"),
            "class_c_entitlement_granted_count": ("C类权益发放次数", "C"),
        },
        D365, unit="services", relation="entitlements", null=NO_ENTITLEMENTS, type="int64", empty=0,
    )  # fmt: skip
    def class_entitlement_granted_count(t: ir.Table, within: ir.Value, name: str) -> ir.Value:
        """Number of class {value} entitlements granted within {window}."""
        return t.count(where=within & (t.service_class == name))

    @members(
        {
            "class_a_entitlement_activated_count": ("A类权益激活次数", "A"),
            "class_b_entitlement_activated_count": ("B类权益激活次数", "B"),
            "class_c_entitlement_activated_count": ("C类权益激活次数", "C"),
        },
        D365, unit="services", relation="entitlements", null=NO_ENTITLEMENTS, type="int64", empty=0,
    )  # fmt: skip
    def class_entitlement_activated_count(t: ir.Table, within: ir.Value, name: str) -> ir.Value:
        """Number of class {value} entitlements granted within {window} that were activated."""
        return t.count(where=within & (t.service_class == name) & t.activated_at.notnull())

    @members(
        {
            "class_a_entitlement_used_count_365d": ("近365天A类权益使用次数", "A"),
            "class_b_entitlement_used_count_365d": ("近365天B类权益使用次数", "B"),
            "class_c_entitlement_used_count_365d": ("近365天C类权益使用次数", "C"),
        },
        unit="services", window="365 days", relation="entitlements",
        null=NO_ENTITLEMENTS, type="int64", empty=0,
    )  # fmt: skip
    def class_entitlement_used_count_365d(t: ir.Table, name: str) -> ir.Value:
        """Number of class {value} entitlements used within 365 days, whenever granted."""
        return t.count(where=(t.service_class == name) & (t.used_days_ago < 365))

    @members(
        {
            "class_a_entitlement_expired_count_365d": ("近365天A类权益过期次数", "A"),
            "class_b_entitlement_expired_count_365d": ("近365天B类权益过期次数", "B"),
            "class_c_entitlement_expired_count_365d": ("近365天C类权益过期次数", "C"),
        },
        unit="services", window="365 days", relation="entitlements",
        null=NO_ENTITLEMENTS, type="int64", empty=0,
    )  # fmt: skip
    def class_entitlement_expired_count_365d(t: ir.Table, name: str) -> ir.Value:
        """Number of class {value} entitlements that expired within 365 days without being used."""
        expired = t.expired & (t.expired_days_ago < 365)
        return t.count(where=(t.service_class == name) & expired)

    @members(
        {
            "class_a_entitlements_open": ("可用A类权益数", "A"),
            "class_b_entitlements_open": ("可用B类权益数", "B"),
            "class_c_entitlements_open": ("可用C类权益数", "C"),
        },
        unit="services", relation="entitlements", null=NO_ENTITLEMENTS, type="int64", empty=0,
    )  # fmt: skip
    def class_entitlements_open(t: ir.Table, name: str) -> ir.Value:
        """Number of class {value} entitlements granted, not used and not expired."""
        return t.count(where=(t.service_class == name) & t.open)

    @members(
        {
            "class_a_entitlement_cost_365d": ("近365天A类权益成本", "A"),
            "class_b_entitlement_cost_365d": ("近365天B类权益成本", "B"),
            "class_c_entitlement_cost_365d": ("近365天C类权益成本", "C"),
        },
        unit="yuan", window="365 days", relation="entitlements", null=NO_ENTITLEMENTS, empty=0,
    )  # fmt: skip
    def class_entitlement_cost_365d(t: ir.Table, name: str) -> ir.Value:
        """Cost of class {value} entitlements used within 365 days."""
        used = (t.service_class == name) & (t.used_days_ago < 365)
        return t.unit_cost.sum(where=used).fill_null(0).cast("float64")


@family("平均享权等待天数", M36, unit="days", relation="entitlements",
        null="no entitlement granted in the window was used")  # fmt: skip
def entitlement_use_delay_days(t: ir.Table, within: ir.Value) -> ir.Value:
    """Mean days from grant to use of the entitlements granted within {window} and used."""
    return share_of(t.use_delay_days.sum(where=within), t.use_delay_days.count(where=within))


@tag("偏好服务", unit="service", window="ever", relation="services",
     null="no entitlement was used", type="string")  # fmt: skip
def preferred_service(t: ir.Table) -> ir.Value:
    """Service used most often, by its name in the table; of equals the first by name."""
    return t.service.argmin(ibis.struct({"fewest": -t.uses, "name": t.service}), where=t.uses > 0)


@tag("从未使用的服务数", unit="services", window="ever", relation="services",
     null=NO_ENTITLEMENTS, type="int64", empty=0)  # fmt: skip
def services_never_used(t: ir.Table) -> ir.Value:
    """Number of different services that were granted and of which none was ever used."""
    return t.count(where=t.uses == 0)


@tag("近365天享权率", unit="share", window="365 days",
     null="no entitlement was granted in the window")  # fmt: skip
def entitlement_use_ratio_365d(t: ir.Table) -> ir.Value:
    """entitlement_used_count_365d / entitlement_granted_count_365d; above 1 where older ones
    were used."""
    return share_of(t.entitlement_used_count_365d, t.entitlement_granted_count_365d)


@tag("近36个月享权率", unit="share", window="36 months",
     null="no entitlement was granted in the window")  # fmt: skip
def entitlement_use_ratio_36m(t: ir.Table) -> ir.Value:
    """entitlement_used_count_36m / entitlement_granted_count_36m; above 1 where older ones were
    used."""
    return share_of(t.entitlement_used_count_36m, t.entitlement_granted_count_36m)


@tag("近365天权益激活率", unit="share", window="365 days",
     null="no entitlement was granted in the window")  # fmt: skip
def entitlement_activated_share_365d(t: ir.Table) -> ir.Value:
    """entitlement_activated_count_365d / entitlement_granted_count_365d."""
    return share_of(t.entitlement_activated_count_365d, t.entitlement_granted_count_365d)


@tag("近36个月权益浪费率", unit="share", window="36 months",
     null="no entitlement was used or expired in the window")  # fmt: skip
def entitlement_expired_share_36m(t: ir.Table) -> ir.Value:
    """Of the entitlements that came to their end within 36 months, the share that expired unused:
    entitlement_expired_count_36m / (entitlement_expired_count_36m + entitlement_used_count_36m)."""
    ended = t.entitlement_expired_count_36m + t.entitlement_used_count_36m
    return share_of(t.entitlement_expired_count_36m, ended)
