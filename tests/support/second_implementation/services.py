"""Compute tags of entitlements and services."""

from second_implementation.view import Frame, View, exact, ratio


def tags_of(view: View) -> dict[str, Frame]:
    """Compute the tags of entitlements."""
    t, v = view.happened("entitlements"), view
    t["used_ago"] = v.since(t.used_on)
    t["delay"] = (t.used_on - t.granted_on).dt.days
    t["expires_in"], t["cost"] = -v.since(t.expires_on), exact(t.unit_cost)
    unused, over = t.used_at.isna(), t.expires_on <= v.day
    expired = unused & over
    t["open"] = unused & ~over
    expired_ago = v.since(t.expires_on)
    year, used_year = t.ago < 365, t.used_ago < 365
    a = t.service_class == "A"
    used_36m, over_36m = t.used_on > v.from_36m, expired & (t.expires_on > v.from_36m)
    services = t.groupby(["customer_id", "service"]).used_at.count().rename("uses").reset_index()
    services["fewest"] = -services.uses
    return {
        "entitlement_granted_count_365d": v.count(t, year),
        "entitlement_granted_count_36m": v.count(t, t.in_36m),
        "entitlement_activated_count_365d": v.count(t, year & t.activated_at.notna()),
        "entitlement_notified_count_365d": v.count(t, year & t.notified_at.notna()),
        "entitlement_used_count_365d": v.count(t, used_year),
        "entitlement_used_count_36m": v.count(t, used_36m),
        "entitlement_expired_count_365d": v.count(t, expired & (expired_ago < 365)),
        "entitlement_expired_count_36m": v.count(t, over_36m),
        "days_since_last_entitlement_use": v.least(t, "used_ago"),
        "days_since_last_entitlement_grant": v.least(t, "ago"),
        "entitlements_open": v.count(t, t.open),
        "entitlements_to_notify": v.count(t, t.open & t.notified_at.isna()),
        "entitlements_to_activate": v.count(t, t.open & t.activated_at.isna()),
        "days_to_next_entitlement_expiry": v.least(t, "expires_in", t.open),
        "entitlement_cost_365d": v.total(t, "cost", used_year),
        "class_a_entitlement_granted_count_365d": v.count(t, year & a),
        "class_a_entitlement_used_count_365d": v.count(t, used_year & a),
        "class_a_entitlements_open": v.count(t, t.open & a),
        "class_a_entitlement_cost_365d": v.total(t, "cost", used_year & a),
        "entitlement_use_delay_days_36m": v.mean(t, "delay", t.in_36m),
        "preferred_service": v.first(services, "service", ["fewest", "service"], services.uses > 0),
        "services_never_used": v.count(services, services.uses == 0),
        "services_used_ever": v.count(t, ~unused),
        "service_sensitivity_observations": v.count(t, ~unused | (t.ago >= 30)),
        "entitlement_use_ratio_36m": ratio(v.count(t, used_36m), v.count(t, t.in_36m)),
        "entitlement_activated_share_365d": ratio(
            v.count(t, year & t.activated_at.notna()), v.count(t, year)
        ),
        "entitlement_expired_share_36m": ratio(
            v.count(t, over_36m), v.count(t, over_36m) + v.count(t, used_36m)
        ),
    }
