"""Build the relation of trips (telematics 车联网): only those that the customer consents to.

Precise tracks are sensitive personal information and need a separate consent (PIPL, articles 28
and 29), which can be withdrawn (article 15). So trips are read only if, as known at the date, the
customer's latest change on `location` is consent, and only those of days entirely within consent:
from the day after it was given to the day before it was withdrawn.
"""

import ibis
import ibis.expr.types as ir

from features.lake import Lake
from features.lake.known import events, relation
from features.lake.spine import SPINE, Spine

PURPOSE = "location"


@relation("trips", "consents")
def trips(lake: Lake, spine: Spine) -> ir.Table:
    """List the vehicle days driven within consent, of customers who consent at the date."""
    rows = events(lake, spine, "trips")
    rows = rows.inner_join(consent_spans(lake, spine), SPINE)
    # A row is a whole day: of the days of giving and withdrawing, a part lies outside.
    until = rows.withdrawn_on.isnull() | (rows.ended_on < rows.withdrawn_on)
    return rows.filter((rows.ended_on > rows.given_on) & until)


def consent_spans(lake: Lake, spine: Spine) -> ir.Table:
    """List the spans of consent to location, of customers whose latest change is consent.

    Returns
    -------
    ibis.Table
        The spine's keys, `given_on`, and `withdrawn_on`, null for the span that lasts.
    """
    rows = events(lake, spine, "consents")
    rows = rows.filter(rows.purpose == PURPOSE)
    order = ibis.window(group_by=SPINE, order_by=_words_in_order(rows))
    rows = rows.mutate(before=rows.granted.lag().over(order))
    # A repeated consent begins no new span.
    changes = rows.filter(rows.before.isnull() | (rows.before != rows.granted))
    order = ibis.window(group_by=SPINE, order_by=_words_in_order(changes))
    changes = changes.mutate(withdrawn_on=changes.changed_on.lead().over(order))
    spans = changes.filter(changes.granted)
    lasting = spans.filter(spans.withdrawn_on.isnull()).select(*SPINE)
    spans = spans.semi_join(lasting, SPINE)
    return spans.select(*SPINE, given_on=spans.changed_on, withdrawn_on=spans.withdrawn_on)


def _words_in_order(rows: ir.Table) -> list[ir.Value]:
    """Order words on a purpose by time; of two at one instant the refusal is the last."""
    return [rows.changed_at, rows.granted.desc(), rows.consent_id]
