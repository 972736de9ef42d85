"""The relation of trips (telematics 车联网): only what the customer allows, and only while he does.

Precise tracks are sensitive personal information and need a consent of their own (PIPL, articles 28
and 29), which can be withdrawn (article 15). So trips are looked at only where, as known at the
date, the customer's latest word on `location` is consent, and only those of days that lie wholly
within consent: not before the day after it was given, nor from the day it was withdrawn.
"""

import ibis
import ibis.expr.types as ir

from features.lake import Lake
from features.lake.known import events, relation
from features.lake.spine import SPINE, Spine

PURPOSE = "location"


@relation("trips", "consents")
def trips(lake: Lake, spine: Spine) -> ir.Table:
    """Vehicle days driven within consent, of customers who consent now."""
    rows = events(lake, spine, "trips")
    rows = rows.inner_join(consented(lake, spine), SPINE)
    # A row is a whole day: on the days of giving and withdrawing, part of it lies outside.
    until = rows.withdrawn_on.isnull() | (rows.ended_on < rows.withdrawn_on)
    return rows.filter((rows.ended_on > rows.given_on) & until)


def consented(lake: Lake, spine: Spine) -> ir.Table:
    """The spans of consent to location, of customers whose latest word is consent.

    Returns
    -------
    ibis Table
        The spine's keys, `given_on`, and `withdrawn_on`, null for the span that lasts.
    """
    words = events(lake, spine, "consents")
    words = words.filter(words.purpose == PURPOSE)
    order = ibis.window(group_by=SPINE, order_by=[words.changed_at, words.consent_id])
    words = words.mutate(before=words.granted.lag().over(order))
    # Saying the same again begins no new span.
    changes = words.filter(words.before.isnull() | (words.before != words.granted))
    order = ibis.window(group_by=SPINE, order_by=[changes.changed_at, changes.consent_id])
    changes = changes.mutate(withdrawn_on=changes.changed_on.lead().over(order))
    spans = changes.filter(changes.granted)
    lasting = spans.filter(spans.withdrawn_on.isnull()).select(*SPINE)
    spans = spans.semi_join(lasting, SPINE)
    return spans.select(*SPINE, given_on=spans.changed_on, withdrawn_on=spans.withdrawn_on)
