"""Build the relations that tags aggregate: customers, claims, quotes, contacts, services, consents.

The relations of cover are in `features.tags.relations.cover`.
"""

import ibis
import ibis.expr.types as ir

import features.tags.relations.trips  # noqa: F401  (declares its relation)
from features.contracts.vocabulary import MOTOR_LINES
from features.lake import Lake
from features.lake.joins import left_join
from features.lake.known import RELATIONS, days_ago, events, known_versions, relation
from features.lake.spine import SPINE, Spine
from features.stars.value import rate
from features.tags.relations.claim_steps import with_steps
from features.tags.relations.claims_standards import load_claims_standards
from features.tags.relations.cover import expiring_terms, policies
from features.tags.relations.day_parts import on_weekend, part_of_day
from features.tags.relations.touchpoint_families import family_of

__all__ = ["RELATIONS"]

# A customer without a new term by then has left: the grace period of the renewal label.
DECIDED_DAYS = 30
# A quote led to a purchase if a term of its line was signed so many days later or fewer.
PURCHASE_DAYS = 60


@relation("customers")
def customers(lake: Lake, spine: Spine) -> ir.Table:
    """Select the customer, one row a customer and date."""
    rows = known_versions(lake, spine, "customers")
    return rows.mutate(
        registered_days_ago=days_ago(rows, "registered_on"),
        bound_days_ago=days_ago(rows, "mini_program_bound_on"),
        added_days_ago=days_ago(rows, "wecom_added_on"),
    )


@relation("claims", "policies", also=("claim_movements",))
def claims(lake: Lake, spine: Spine) -> ir.Table:
    """List the known claims, dated by their occurrence, with the steps of the claims chain.

    A claim whose amounts moved after it was closed, and on which something is outstanding, is open
    again: `closed_at` and `closed_on` are null. `commercial` is true for a claim on commercial
    cover, false on compulsory; null if its term is not known.
    """
    terms = known_versions(lake, spine, "policies")
    terms = terms.filter(terms.line.isin(MOTOR_LINES))
    lines = terms.select(*SPINE, "policy_id", commercial=terms.line == "motor_commercial")
    rows = _opened_again(lake, spine, events(lake, spine, "claims", "occurred_at"))
    joined = rows.left_join(lines, [*SPINE, "policy_id"])
    rows = joined.select(*(joined[name] for name in rows.columns), "commercial")
    rows = with_steps(rows, load_claims_standards(lake.home))
    return rows.mutate(
        reported_days_ago=days_ago(rows, "reported_on"),
        closed_days_ago=days_ago(rows, "closed_on"),
        surveyed_days_ago=days_ago(rows, "surveyed_on"),
        paid_days_ago=days_ago(rows, "paid_on"),
    )


@relation("claims", "claim_movements")
def claim_amounts(lake: Lake, spine: Spine) -> ir.Table:
    """List the claims with `paid` and `outstanding` as they stood at the cutoff.

    `first_reserve` is the first outstanding amount; `reopened` marks claims whose amounts moved
    after they were closed. Those that are open again are not closed, as in `claims`.
    """
    sums = _amounts(lake, spine)
    rows = events(lake, spine, "claims", "occurred_at")
    rows = rows.inner_join(sums, [*SPINE, "claim_id"])
    rows = rows.mutate(
        incurred=rows.paid + rows.outstanding,
        reopened=(rows.last_moved_at > rows.closed_at).fill_null(False),
    )
    return _without_closing(rows, rows.reopened & (rows.outstanding > 0))


def _amounts(lake: Lake, spine: Spine) -> ir.Table:
    """Sum the movements of each claim that had happened by the cutoff."""
    moves = events(lake, spine, "claim_movements")
    return moves.group_by([*SPINE, "claim_id"]).aggregate(
        paid=moves.paid_change.sum(),
        outstanding=moves.outstanding_change.sum(),
        last_moved_at=moves.moved_at.max(),
        first_reserve=moves.outstanding_change.argmin(
            ibis.struct({"moment": moves.moved_at, "movement": moves.movement_id})
        ),
    )


def _opened_again(lake: Lake, spine: Spine, rows: ir.Table) -> ir.Table:
    """Take the closing from claims that were opened again, if there are movements of amounts."""
    if not lake.has("claim_movements"):
        return rows
    sums = _amounts(lake, spine).select(*SPINE, "claim_id", "outstanding", "last_moved_at")
    rows = left_join(rows, sums, [*SPINE, "claim_id"])
    again = (rows.last_moved_at > rows.closed_at) & (rows.outstanding > 0)
    rows = _without_closing(rows, again.fill_null(False))
    return rows.drop("outstanding", "last_moved_at")


def _without_closing(rows: ir.Table, again: ir.Value) -> ir.Table:
    """Take the closing from the claims that are open again."""
    closing = {name: again.ifelse(None, rows[name]) for name in ("closed_at", "closed_on")}
    return rows.mutate(**closing)


@relation("quotes", "policies")
def quotes(lake: Lake, spine: Spine) -> ir.Table:
    """List the quotes, with delays, the time of the view, and whether they led to a purchase.

    `bought` is true if a term of the same line, and of the vehicle if the quote names one, was
    signed within 60 days; `since_last_viewed`, if the quote was made after the last viewed one.
    """
    rows = events(lake, spine, "quotes")
    terms = policies(lake, spine)
    terms = terms.select(*SPINE, "line", term_vehicle=terms.vehicle_id, term_signed=terms.signed_on)
    pairs = rows.inner_join(terms, [*SPINE, "line"])
    delay = pairs.term_signed.delta(pairs.quoted_on, unit="day")
    same_vehicle = pairs.vehicle_id.isnull() | (pairs.vehicle_id == pairs.term_vehicle)
    bought = pairs.filter(delay.between(0, PURCHASE_DAYS), same_vehicle.fill_null(False))
    bought = bought.select(*SPINE, "quote_id").distinct().mutate(bought=True)
    last = rows.group_by(SPINE).aggregate(
        last_viewed_at=rows.quoted_at.max(where=rows.viewed_at.notnull())
    )
    rows = rows.inner_join(last, SPINE).left_join(bought, [*SPINE, "quote_id"])
    return rows.mutate(
        bought=rows.bought.fill_null(False),
        since_last_viewed=rows.last_viewed_at.isnull() | (rows.quoted_at > rows.last_viewed_at),
        viewed_days_ago=days_ago(rows, "viewed_on"),
        delivery_days=rows.delivered_on.delta(rows.quoted_on, unit="day"),
        view_days=rows.viewed_on.delta(rows.delivered_on.fill_null(rows.quoted_on), unit="day"),
        view_part=part_of_day(rows.viewed_hour),
        view_on_weekend=on_weekend(rows.viewed_on),
    )


@relation("quotes", "policies")
def renewal_quotes(lake: Lake, spine: Spine) -> ir.Table:
    """List the quotes for renewing the commercial term in force that ends first.

    `latest` marks the newest quote.
    """
    expiring = expiring_terms(lake, spine)
    expiring = expiring.select(*SPINE, "policy_id", expiring_premium=expiring.written_premium)
    rows = events(lake, spine, "quotes")
    rows = rows.filter(rows.line == "motor_commercial")
    rows = rows.inner_join(expiring, [*SPINE, "policy_id"])
    newest = ibis.window(group_by=SPINE, order_by=[rows.quoted_at.desc(), rows.quote_id.desc()])
    return rows.mutate(latest=ibis.row_number().over(newest) == 0)


@relation("quotes", "policies")
def renewal_offers(lake: Lake, spine: Spine) -> ir.Table:
    """List the renewals that were offered and are decided, one row a commercial term.

    These are terms that expired, not cancelled, 30 days ago or more, and for whose renewal a quote
    had reached the customer by the expiry. `premium` is the term's, `offered` that of the first
    quote, `further_quotes` the number of later ones; `renewed` is true if the vehicle's next
    commercial term begins at most 30 days after the expiry.
    """
    terms = policies(lake, spine)
    terms = terms.filter(terms.line == "motor_commercial")
    by_vehicle = ibis.window(
        group_by=[*SPINE, "vehicle_id"], order_by=[terms.inception, terms.policy_id]
    )
    terms = terms.mutate(next_inception=terms.inception.lead().over(by_vehicle))
    terms = terms.filter(terms.cancelled_on.isnull(), terms.ends_in_days <= -DECIDED_DAYS)
    wait = terms.next_inception.delta(terms.expiry, unit="day")
    terms = terms.select(
        *SPINE,
        "policy_id",
        "expiry",
        term_premium=terms.written_premium,
        followed=(wait <= DECIDED_DAYS).fill_null(False),
    )
    rows = events(lake, spine, "quotes")
    rows = rows.filter(rows.line == "motor_commercial")
    rows = rows.inner_join(terms, [*SPINE, "policy_id"])
    rows = rows.filter(rows.quoted_on <= rows.expiry)
    order = ibis.struct({"quoted_at": rows.quoted_at, "quote_id": rows.quote_id})
    offers = rows.group_by([*SPINE, "policy_id"]).aggregate(
        premium=rows.term_premium.max(),
        offered=rows.premium.argmin(order),
        further_quotes=rows.count() - 1,
        reached=rows.delivered_at.notnull().any(),
        renewed=rows.followed.any(),
    )
    return offers.filter(offers.reached)


@relation("interactions")
def interactions(lake: Lake, spine: Spine) -> ir.Table:
    """List the contacts, with `reached`, `responded` and `refused` derived from the result.

    Adds the touchpoint's family, and part of day and weekend of the contact. `since_last_response`
    marks the contacts after the last one that the customer responded to.
    """
    rows = events(lake, spine, "interactions")
    answered = ("clicked", "replied", "connected", "converted")
    rows = rows.mutate(
        outbound=rows.direction == "out",
        reached=rows.result.isin(("delivered", "read", "refused", *answered)).fill_null(False),
        responded=rows.result.isin(answered).fill_null(False),
        refused=rows.result.isin(("refused", "opted_out")).fill_null(False),
    )
    last = rows.group_by(SPINE).aggregate(
        last_response_at=rows.occurred_at.max(where=rows.outbound & rows.responded)
    )
    rows = rows.inner_join(last, SPINE)
    after = rows.occurred_at > rows.last_response_at
    return rows.mutate(
        since_last_response=rows.last_response_at.isnull() | after,
        family=family_of(rows.touchpoint),
        part=part_of_day(rows.occurred_hour),
        on_weekend=on_weekend(rows.occurred_on),
    )


@relation("interactions")
def touchpoint_contacts(lake: Lake, spine: Spine) -> ir.Table:
    """List the touchpoints at which we contacted the customer, each with `last_made_at`.

    A call that nobody answered is no contact yet.
    """
    rows = events(lake, spine, "interactions")
    outbound = rows.direction == "out"
    answered = (rows.result != "no_answer").fill_null(True) & rows.touchpoint.notnull()
    rows = rows.filter(outbound, answered)
    return rows.group_by([*SPINE, "touchpoint"]).aggregate(last_made_at=rows.occurred_at.max())


@relation("entitlements")
def entitlements(lake: Lake, spine: Spine) -> ir.Table:
    """List the entitlements granted, dated by the grant, with what became of them."""
    rows = events(lake, spine, "entitlements")
    unused, over = rows.used_at.isnull(), rows.expires_on <= rows.as_of
    return rows.mutate(
        used_days_ago=days_ago(rows, "used_on"),
        used_in_36m=rows.used_on > rows.from_36m,
        use_delay_days=rows.used_on.delta(rows.granted_on, unit="day"),
        open=unused & ~over,
        expired=unused & over,
        expired_days_ago=days_ago(rows, "expires_on"),
        expired_in_36m=rows.expires_on > rows.from_36m,
        expires_in_days=rows.expires_on.delta(rows.as_of, unit="day"),
    )


@relation("entitlements")
def services(lake: Lake, spine: Spine) -> ir.Table:
    """List the services for which an entitlement was granted, with the number of `uses`."""
    rows = events(lake, spine, "entitlements")
    return rows.group_by([*SPINE, "service"]).aggregate(uses=rows.used_at.count())


@relation("surveys_and_complaints")
def cases(lake: Lake, spine: Spine) -> ir.Table:
    """List the surveys answered and complaints received; `latest_survey` marks one survey."""
    rows = events(lake, spine, "surveys_and_complaints")
    newest = ibis.window(
        group_by=[*SPINE, "kind"], order_by=[rows.occurred_at.desc(), rows.case_id.desc()]
    )
    survey = rows.kind == "survey"
    return rows.mutate(latest_survey=survey & (ibis.row_number().over(newest) == 0))


@relation("consents")
def consents(lake: Lake, spine: Spine) -> ir.Table:
    """Select the customer's latest consent or refusal for each purpose, and for each channel.

    Of two at one instant the refusal counts. `whole` marks those of a purpose by every channel.
    """
    rows = events(lake, spine, "consents")
    newest = ibis.window(
        group_by=[*SPINE, "purpose", "channel"],
        order_by=[rows.changed_at.desc(), rows.granted, rows.consent_id.desc()],
    )
    rows = rows.mutate(latest=ibis.row_number().over(newest) == 0, whole=rows.channel.isnull())
    return rows.filter(rows.latest)


@relation("policies", "claims", also=("claim_movements",))
def rating(lake: Lake, spine: Spine) -> ir.Table:
    """Compute the star rating, one row a customer and date (`features.stars.value`)."""
    return rate(lake, spine)
