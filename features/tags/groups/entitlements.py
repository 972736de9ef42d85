"""Entitlement tags 权益: services granted, activated, used and expired, by class, and their cost.

Grants and activations are counted by the day of the grant, uses and expiries by their own day.
"""

import ibis
import ibis.expr.types as ir

from features.tags.choices import share_of
from features.tags.declare import D365, M36, Expression, TagGroup

GROUP = TagGroup("entitlements", "权益")
tag = GROUP.tag
family = GROUP.family

NO_ENTITLEMENTS = "entitlements are absent"
CLASSES = ("A", "B", "C")


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


def _declare_classes() -> None:
    """What became of the entitlements of each class."""
    for service_class in CLASSES:

        def of_class(t: ir.Table, name: str = service_class) -> ir.Value:
            return t.service_class == name

        def granted(t: ir.Table, within: ir.Value, of_class: Expression = of_class) -> ir.Value:
            return t.count(where=within & of_class(t))

        def activated(t: ir.Table, within: ir.Value, of_class: Expression = of_class) -> ir.Value:
            return t.count(where=within & of_class(t) & t.activated_at.notnull())

        def used(t: ir.Table, of_class: Expression = of_class) -> ir.Value:
            return t.count(where=of_class(t) & (t.used_days_ago < 365))

        def expired(t: ir.Table, of_class: Expression = of_class) -> ir.Value:
            return t.count(where=of_class(t) & t.expired & (t.expired_days_ago < 365))

        def unspent(t: ir.Table, of_class: Expression = of_class) -> ir.Value:
            return t.count(where=of_class(t) & t.open)

        def cost(t: ir.Table, of_class: Expression = of_class) -> ir.Value:
            used = of_class(t) & (t.used_days_ago < 365)
            return t.unit_cost.sum(where=used).fill_null(0).cast("float64")

        prefix, label = f"class_{service_class.lower()}_entitlement", f"{service_class}类权益"
        whole = f"class {service_class} entitlements"
        granted.__name__ = f"{prefix}_granted_count"
        granted.__doc__ = f"Number of {whole} granted within {{window}}."
        activated.__name__ = f"{prefix}_activated_count"
        activated.__doc__ = f"Number of {whole} granted within {{window}} that were activated."
        for each, suffix in ((granted, "发放次数"), (activated, "激活次数")):
            family(label + suffix, D365, unit="services", relation="entitlements",
                   null=NO_ENTITLEMENTS, type="int64", empty=0)(each)  # fmt: skip
        used.__name__ = f"{prefix}_used_count_365d"
        used.__doc__ = f"Number of {whole} used within 365 days, whenever granted."
        expired.__name__ = f"{prefix}_expired_count_365d"
        expired.__doc__ = f"Number of {whole} that expired within 365 days without being used."
        for one, suffix in ((used, "使用次数"), (expired, "过期次数")):
            tag("近365天" + label + suffix, unit="services", window="365 days",
                relation="entitlements", null=NO_ENTITLEMENTS, type="int64",
                empty=0)(one)  # fmt: skip
        unspent.__name__ = f"{prefix}s_open"
        unspent.__doc__ = f"Number of {whole} granted, not used and not expired."
        tag("可用" + label + "数", unit="services", relation="entitlements",
            null=NO_ENTITLEMENTS, type="int64", empty=0)(unspent)  # fmt: skip
        cost.__name__ = f"{prefix}_cost_365d"
        cost.__doc__ = f"Cost of {whole} used within 365 days."
        tag("近365天" + label + "成本", unit="yuan", window="365 days", relation="entitlements",
            null=NO_ENTITLEMENTS, empty=0)(cost)  # fmt: skip


_declare_classes()


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
