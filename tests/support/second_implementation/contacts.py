"""Compute tags of contacts and consents, and of the mini-program and WeCom."""

import pandas as pd

from second_implementation.quotes import PARTS, part_of_day
from second_implementation.view import Frame, View, exact, most, ratio

ANSWERED = ("clicked", "replied", "connected", "converted")
REACHED = ("delivered", "read", "refused", *ANSWERED)
CHANNELS = ("sms", "wechat", "wecom", "phone")


def tags_of(view: View) -> dict[str, Frame]:
    """Compute the tags of contacts."""
    t, v = view.happened("interactions"), view
    t["amount"] = exact(t.cost)
    out, year, quarter = t.direction == "out", t.ago < 365, t.ago < 90
    responded, refused = t.result.isin(ANSWERED), t.result.isin(("refused", "opted_out"))
    answers = t[out & responded].groupby("customer_id").occurred_at.max()
    last = t.customer_id.map(answers)
    latest = ["occurred_at", "interaction_id"]
    tags = {
        "contact_count_7d": v.count(t, out & (t.ago < 7)),
        "contact_count_30d": v.count(t, out & (t.ago < 30)),
        "contact_count_90d": v.count(t, out & quarter),
        "contact_count_365d": v.count(t, out & year),
        "contact_reached_count_90d": v.count(t, out & quarter & t.result.isin(REACHED)),
        "contact_reached_count_365d": v.count(t, out & year & t.result.isin(REACHED)),
        "contact_response_count_90d": v.count(t, out & quarter & responded),
        "contact_response_count_365d": v.count(t, out & year & responded),
        "inbound_contact_count_365d": v.count(t, ~out & year),
        "contact_refused_count_365d": v.count(t, out & year & refused),
        "contact_no_answer_count_90d": v.count(t, out & quarter & (t.result == "no_answer")),
        "contact_cost_365d": v.total(t, "amount", year),
        "sms_contact_count_365d": v.count(t, out & year & (t.channel == "sms")),
        "phone_response_count_365d": v.count(t, out & year & responded & (t.channel == "phone")),
        "contact_clicked_count_365d": v.count(t, out & year & (t.result == "clicked")),
        "phone_inbound_count_365d": v.count(t, ~out & year & (t.channel == "phone")),
        "days_since_last_contact": v.least(t, "ago", out),
        "days_since_last_response": v.least(t, "ago", out & responded),
        "days_since_last_refusal": v.least(t, "ago", out & refused),
        "days_since_last_inbound_contact": v.least(t, "ago", ~out),
        "opted_out": v.any(t, t.result == "opted_out").eq(True),
        "last_contact_channel": v.last(t, "channel", latest, out),
        "last_contact_result": v.last(t, "result", latest, out & t.result.notna()),
        "contacts_since_last_response": v.count(t, out & (last.isna() | (t.occurred_at > last))),
        "enquiries_ever": v.count(t, ~out),
        "best_contact_channel_36m": most(
            {name: _answered(v, t, t.in_36m & (t.channel == name), 3) for name in CHANNELS}
        ),
        "best_contact_part_of_day_36m": most(
            {
                name: _answered(v, t, t.in_36m & (part_of_day(t.occurred_hour) == name), 3)
                for name in PARTS
            }
        ),
        "weekend_contact_response_share_36m": _answered(
            v, t, t.in_36m & (t.occurred_on.dt.dayofweek >= 5)
        ),
    }
    tags["contact_response_share_365d"] = ratio(
        tags["contact_response_count_365d"], tags["contact_count_365d"]
    )
    tags["contacts_per_response_365d"] = ratio(
        tags["contact_count_365d"], tags["contact_response_count_365d"]
    )
    return tags | _consents(v) | _entries(v)


def _answered(v: View, t: Frame, chosen: Frame, fewest: int = 1) -> Frame:
    """Share of the chosen contacts by us that were responded to; null below the fewest."""
    out = chosen & (t.direction == "out")
    made = v.count(t, out)
    return ratio(v.count(t, out & t.result.isin(ANSWERED)), made.where(made >= fewest))


def _consents(v: View) -> dict[str, Frame]:
    """Compute the tags of the latest word on each purpose, and on each channel."""
    rows = v.happened("consents").assign(refused=lambda t: ~t.granted.astype(bool))
    rows = rows.sort_values(["changed_at", "refused", "consent_id"])
    rows = rows.groupby(["customer_id", "purpose", "channel"], dropna=False).tail(1)
    granted, whole = rows.granted.astype(bool), rows.channel.isna()
    subject = rows.purpose.where(whole, rows.purpose + "." + rows.channel.astype(object))
    seconds = (rows.changed_at - pd.Timestamp(0, tz="UTC")) // pd.Timedelta(seconds=1)
    words = subject + ":" + granted.map({True: "yes", False: "no"}) + ":" + seconds.astype(str)
    told = words.groupby(rows.customer_id).agg(lambda said: ";".join(sorted(said)))
    return {
        "latest_consents": told.reindex(v.customers),
        "marketing_consent": v.any(rows, granted, whole & (rows.purpose == "marketing")),
        "profiling_consent": v.any(rows, granted, rows.purpose == "profiling"),
        "location_consent": v.any(rows, granted, rows.purpose == "location"),
        "consents_granted": v.count(rows, granted & whole),
        "days_since_last_consent_change": v.least(rows, "ago"),
    }


def _entries(v: View) -> dict[str, Frame]:
    """Compute the tags of the mini-program and WeCom."""
    people = v.known("customers").set_index("customer_id").reindex(v.customers)
    bound, added = people.mini_program_bound_on, people.wecom_added_on
    first = pd.Series(None, index=people.index, dtype=object)
    first = first.mask(bound.notna() & bound.eq(added), "same_day")
    first = first.mask(bound.notna() & (added.isna() | (bound < added)), "mini_program")
    first = first.mask(added.notna() & (bound.isna() | (added < bound)), "wecom")
    return {
        "mini_program_bound": bound.notna(),
        "wecom_added": added.notna(),
        "days_since_mini_program_bound": v.since(bound),
        "days_since_wecom_added": v.since(added),
        "mini_program_bound_90d": v.since(bound) < 90,
        "mini_program_and_wecom": bound.notna() & added.notna(),
        "first_online_entry": first,
    }
