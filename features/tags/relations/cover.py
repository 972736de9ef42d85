"""Build the relations of cover: policy terms, motor terms and chains, non-motor terms, vehicles."""

import ibis
import ibis.expr.types as ir

from features.contracts.vocabulary import MOTOR_LINES
from features.lake import Lake
from features.lake.known import days_ago, known_versions, relation
from features.lake.spine import SPINE, Spine
from features.lake.terms import cover_end, existed, in_force
from features.stars.settings import load_star_settings

# An annual term less a few days. Premiums are compared only between such terms: a shortened term
# costs less because part of it was refunded.
WHOLE_TERM_DAYS = 360
# A non-motor term signed fewer than this many days before or after a motor term was bought with it.
TOGETHER_DAYS = 7


@relation("policies")
def policies(lake: Lake, spine: Spine) -> ir.Table:
    """List the policy terms of all lines, without those cancelled from their inception.

    Adds `cover_end` (expiry or cancellation), `in_force`, `started`, `signed_days_ago`,
    `started_days_ago` and `ends_in_days`.
    """
    rows = known_versions(lake, spine, "policies")
    rows = rows.filter(existed(rows))
    rows = rows.mutate(cover_end=cover_end(rows))
    return rows.mutate(
        in_force=in_force(rows, rows.as_of),
        started=rows.inception <= rows.as_of,
        signed_days_ago=days_ago(rows, "signed_on"),
        started_days_ago=rows.as_of.delta(rows.inception, unit="day"),
        ends_in_days=rows.cover_end.delta(rows.as_of, unit="day"),
    )


@relation("policies")
def motor_terms(lake: Lake, spine: Spine) -> ir.Table:
    """List the motor terms, each with the previous term of the same vehicle and line.

    `next_of_line` marks, per line, the term in force that ends first; without one, the term that
    ended last. `leading` marks one term over both lines, commercial before compulsory. Ties go to
    the smaller policy number. `last_inception` is the inception of the vehicle's last motor term,
    `first_cover_end` the end of that which ended first, of either line. `gap_days` counts the days
    without any motor cover before the term.
    """
    rows = _ranked(lake, spine)
    rows = rows.mutate(whole=rows.cover_end.delta(rows.inception, unit="day") >= WHOLE_TERM_DAYS)
    by_vehicle = ibis.window(
        group_by=[*SPINE, "commercial", "vehicle_id"], order_by=[rows.inception, rows.policy_id]
    )
    earlier = ibis.window(
        group_by=SPINE, order_by=[rows.inception, rows.policy_id], preceding=(None, 1)
    )
    rows = rows.mutate(
        term_number=ibis.row_number().over(by_vehicle) + 1,
        previous_premium=rows.written_premium.lag().over(by_vehicle),
        previous_ncd_level=rows.ncd_level.lag().over(by_vehicle),
        previous_channel=rows.channel.lag().over(by_vehicle),
        previous_limit=rows.third_party_limit.lag().over(by_vehicle),
        previous_sum_insured=rows.sum_insured.lag().over(by_vehicle),
        previous_driver_accident_cover=rows.driver_accident_cover.lag().over(by_vehicle),
        previous_account_manager_id=rows.account_manager_id.lag().over(by_vehicle),
        previous_whole=rows.whole.lag().over(by_vehicle),
        premium_two_before=rows.written_premium.lag(2).over(by_vehicle),
        whole_two_before=rows.whole.lag(2).over(by_vehicle),
        # As one value that is never null: engines differ in whether `first` skips nulls.
        first=ibis.struct(
            {
                "premium": rows.written_premium,
                "whole": rows.whole,
                "business_type": rows.business_type,
            }
        )
        .first()
        .over(by_vehicle),
        covered_until=rows.cover_end.max().over(earlier),
    )
    return rows.mutate(
        first_premium=rows.first["premium"],
        first_whole=rows.first["whole"],
        first_business_type=rows.first["business_type"],
        # Null for the first term: nothing came before it, so there is no gap.
        gap_days=rows.inception.delta(rows.covered_until, unit="day").clip(lower=0),
    ).drop("first")


@relation("policies")
def non_motor_terms(lake: Lake, spine: Spine) -> ir.Table:
    """List the non-motor terms, dated by the day of signing; `term_number` counts within a line.

    `with_motor` is true if a motor term was signed fewer than 7 days before or after.
    """
    rows = policies(lake, spine)
    motor = rows.filter(rows.line.isin(MOTOR_LINES))
    motor = motor.select(*SPINE, motor_signed=motor.signed_on)
    rows = rows.filter(rows.line.notin(MOTOR_LINES))
    pairs = rows.inner_join(motor, SPINE)
    apart = pairs.signed_on.delta(pairs.motor_signed, unit="day").abs()
    together = pairs.filter(apart < TOGETHER_DAYS).select(*SPINE, "policy_id").distinct()
    rows = rows.left_join(together.mutate(with_motor=True), [*SPINE, "policy_id"])
    by_line = ibis.window(
        group_by=[*SPINE, "line"], order_by=[rows.inception, rows.signed_at, rows.policy_id]
    )
    return rows.mutate(
        with_motor=rows.with_motor.fill_null(False),
        term_number=ibis.row_number().over(by_line) + 1,
        days_ago=rows.signed_days_ago,
        in_36m=rows.signed_on > rows.from_36m,
    )


@relation("policies")
def cover_chains(lake: Lake, spine: Spine) -> ir.Table:
    """List the chains of motor terms that have begun, by the settings of the star rule.

    `began` and `latest_inception` are the first and the last inception, `terms` the number of
    terms, and `renewals` the number of those that follow another of the same vehicle and line.
    `returned` is true if the chain follows a break.
    """
    settings = load_star_settings(lake.home)
    rows = policies(lake, spine)
    rows = rows.filter(rows.started, rows.line.isin(settings.tenure_lines))
    if settings.tenure_private_cars_only:
        rows = rows.filter(rows.private_car.fill_null(False))
    order = {"group_by": SPINE, "order_by": ["inception", "cover_end", "policy_id"]}
    before = ibis.window(**order, preceding=(None, 1))
    rows = rows.mutate(covered_until=rows.cover_end.max().over(before))
    gap = ibis.interval(months=settings.break_months)
    returned = (rows.inception > rows.covered_until + gap).fill_null(False)
    first = rows.covered_until.isnull() | returned
    rows = rows.mutate(returned=returned, began=first.ifelse(rows.inception, ibis.null("date")))
    so_far = ibis.window(**order, preceding=(None, 0))
    rows = rows.mutate(began=rows.began.max().over(so_far))
    chains = rows.group_by([*SPINE, "from_36m", "began"]).aggregate(
        returned=rows.returned.any(),
        latest_inception=rows.inception.max(),
        terms=rows.count(),
        vehicle_lines=sum(
            rows.vehicle_id.nunique(where=rows.line == line) for line in settings.tenure_lines
        ),
    )
    return chains.mutate(
        renewals=chains.terms - chains.vehicle_lines, began_days_ago=days_ago(chains, "began")
    )


@relation("vehicles", "policies")
def insured_vehicle(lake: Lake, spine: Spine) -> ir.Table:
    """Select the vehicle of the leading motor term, at most one row a customer and date."""
    terms = _ranked(lake, spine)
    leading = terms.filter(terms.leading).select(*SPINE, "vehicle_id")
    return known_versions(lake, spine, "vehicles").semi_join(leading, [*SPINE, "vehicle_id"])


@relation("vehicles", "policies")
def vehicles_in_force(lake: Lake, spine: Spine) -> ir.Table:
    """List the vehicles with a motor term in force."""
    terms = policies(lake, spine)
    terms = terms.filter(terms.line.isin(MOTOR_LINES) & terms.in_force)
    vehicle = [*SPINE, "vehicle_id"]
    return known_versions(lake, spine, "vehicles").semi_join(terms.select(vehicle), vehicle)


@relation("policies")
def early_ends(lake: Lake, spine: Spine) -> ir.Table:
    """List the motor terms cancelled before their expiry, dated by the day of cancellation.

    `refund` is the premium as first written less the premium as written now. Terms cancelled from
    their inception are included.
    """
    rows = known_versions(lake, spine, "policies")
    rows = rows.filter(
        rows.line.isin(MOTOR_LINES),
        rows.cancelled_on < rows.expiry,
        rows.cancelled_on <= rows.as_of,
    )
    # The first version of a term is older than any other, so it is known whenever another is.
    versions = lake.table("policies")
    ended = versions.filter(versions.cancelled_on.notnull()).select("policy_id")
    versions = versions.semi_join(ended, "policy_id")
    first = versions.group_by("policy_id").aggregate(
        first_premium=versions.written_premium.argmin(versions.recorded_at)
    )
    rows = rows.inner_join(first, "policy_id")
    return rows.mutate(
        refund=rows.first_premium - rows.written_premium,
        days_ago=days_ago(rows, "cancelled_on"),
        in_36m=rows.cancelled_on > rows.from_36m,
        from_inception=~existed(rows),
    )


def expiring_terms(lake: Lake, spine: Spine) -> ir.Table:
    """Select the commercial term in force that ends first, at most one row a customer and date."""
    terms = _ranked(lake, spine)
    return terms.filter(terms.commercial & terms.next_of_line & terms.in_force)


def _ranked(lake: Lake, spine: Spine) -> ir.Table:
    """List the motor terms with the columns that rank them within a customer or a vehicle.

    They are `commercial`, `next_of_line`, `leading`, `last_inception` and `first_cover_end`.

    Aggregates are joined back: windows over all terms would take half as long again.
    """
    rows = policies(lake, spine)
    rows = rows.filter(rows.line.isin(MOTOR_LINES))
    state = ibis.cases((rows.in_force, 0), (rows.started, 1), else_=2)
    rows = rows.mutate(state=state, commercial=rows.line == "motor_commercial")
    order = {"distance": rows.ends_in_days.abs(), "policy": rows.policy_id}
    line_order = ibis.struct({"state": rows.state, **order})
    compulsory = (~rows.commercial).cast("int64")
    motor_order = ibis.struct({"state": rows.state, "compulsory": compulsory, **order})
    first = rows.group_by(SPINE).aggregate(
        next_commercial=rows.policy_id.argmin(line_order, where=rows.commercial),
        next_compulsory=rows.policy_id.argmin(line_order, where=~rows.commercial),
        first=rows.policy_id.argmin(motor_order),
    )
    vehicle = [*SPINE, "vehicle_id"]
    last = rows.group_by(vehicle).aggregate(
        last_inception=rows.inception.max(), first_cover_end=rows.cover_end.min()
    )
    rows = rows.inner_join(first, SPINE).inner_join(last, vehicle)
    next_policy = rows.commercial.ifelse(rows.next_commercial, rows.next_compulsory)
    rows = rows.mutate(
        next_of_line=rows.policy_id == next_policy, leading=rows.policy_id == rows.first
    )
    return rows.drop("state", "next_commercial", "next_compulsory", "first")
