"""Relations: what was known of a customer at the end of a date, ready to be aggregated.

Every relation starts from `known`, the one place where a table meets the spine, and so the one
place where a row from the future could slip in.
"""

from collections.abc import Callable
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from features.contract import CONTRACTS, civil_day
from features.lake import Lake
from features.spine import SPINE, Spine
from features.tables import MOTOR_LINES


@dataclass(frozen=True)
class Relation:
    """A named relation: the tables it needs, and how it is built over a spine."""

    name: str
    tables: tuple[str, ...]
    build: Callable[[Lake, Spine], ir.Table]


RELATIONS: dict[str, Relation] = {}

Build = Callable[[Lake, Spine], ir.Table]


def relation(*tables: str) -> Callable[[Build], Build]:
    """Register the decorated function as the relation of its name."""

    def register(build: Build) -> Build:
        RELATIONS[build.__name__] = Relation(build.__name__, tables, build)
        return build

    return register


def known(lake: Lake, spine: Spine, table: str) -> ir.Table:
    """Rows of `table` as known at each cutoff of the spine, with `as_of` and `from_36m`.

    Parameters
    ----------
    lake : Lake
        Where the checked tables lie.
    spine : Spine
        Whom to look at, and when.
    table : str
        Name of a raw table that has a `customer_id`.

    Returns
    -------
    ibis Table
        The version of each row that was the latest at the cutoff; milestones that had not
        happened by then are null, and so are their civil days; `recorded_at` and `superseded_at`
        are gone, so no tag can read them.
    """
    rows = lake.table(table)
    masked = {name: name for name in CONTRACTS[table].milestones}
    masked |= {day: name for day, name in CONTRACTS[table].civil_days.items() if name in masked}
    found = [
        met.filter(
            met.recorded_at < met.cutoff,
            met.superseded_at.isnull() | (met.superseded_at >= met.cutoff),
        )
        for met in spine.meets(rows)
    ]
    return _union(
        [
            met.mutate(
                **{
                    name: (met[instant] < met.cutoff).ifelse(met[name], ibis.null(met[name].type()))
                    for name, instant in masked.items()
                }
            ).drop("recorded_at", "superseded_at")
            for met in found
        ]
    )


def days_ago(rows: ir.Table, day: str) -> ir.Value:
    """Civil days from `day` to `as_of`: 0 on the date itself, so `< N` is N days."""
    return rows.as_of.delta(rows[day], unit="day").cast("int64")


def _events(lake: Lake, spine: Spine, table: str, event: str | None = None) -> ir.Table:
    """Known rows that had happened by the cutoff, with `days_ago` and `in_36m`."""
    rows = known(lake, spine, table)
    event = event or CONTRACTS[table].event_time
    rows = rows.filter(rows[event] < rows.cutoff)
    day = civil_day(event)
    return rows.mutate(days_ago=days_ago(rows, day), in_36m=rows[day] > rows.from_36m)


@relation("customers")
def customers(lake: Lake, spine: Spine) -> ir.Table:
    """The customer, one row."""
    rows = known(lake, spine, "customers")
    return rows.mutate(
        registered_days_ago=days_ago(rows, "registered_on"),
        bound_days_ago=days_ago(rows, "mini_program_bound_on"),
        added_days_ago=days_ago(rows, "wecom_added_on"),
    )


@relation("policies")
def policies(lake: Lake, spine: Spine) -> ir.Table:
    """Policy terms of all lines, without those cancelled from their inception.

    Adds `cover_end` (expiry or cancellation), `in_force`, `started`, `signed_days_ago`,
    `started_days_ago` and `ends_in_days`.
    """
    rows = known(lake, spine, "policies")
    rows = rows.filter(rows.cancelled_on.isnull() | (rows.cancelled_on > rows.inception))
    rows = rows.mutate(cover_end=rows.cancelled_on.fill_null(rows.expiry))
    return rows.mutate(
        in_force=(rows.inception <= rows.as_of) & (rows.cover_end > rows.as_of),
        started=rows.inception <= rows.as_of,
        signed_days_ago=days_ago(rows, "signed_on"),
        started_days_ago=rows.as_of.delta(rows.inception, unit="day"),
        ends_in_days=rows.cover_end.delta(rows.as_of, unit="day"),
    )


@relation("policies")
def motor_terms(lake: Lake, spine: Spine) -> ir.Table:
    """Motor terms, each with the previous term of the same vehicle and line.

    `next_of_line` marks, per line, the term in force that ends first; without one, the term that
    ended last. `leading` marks one term over both lines, commercial before compulsory. Ties go to
    the smaller policy number. `last_inception` is that of the vehicle's last motor term, of either
    line. `gap_days` is the time without any motor cover before the term.
    """
    rows = policies(lake, spine)
    rows = rows.filter(rows.line.isin(MOTOR_LINES))
    state = ibis.cases((rows.in_force, 0), (rows.started, 1), else_=2)
    rows = rows.mutate(state=state, commercial=rows.line == "motor_commercial")
    distance = rows.ends_in_days.abs()
    of_line = ibis.window(
        group_by=[*SPINE, "line"], order_by=[rows.state, distance, rows.policy_id]
    )
    of_motor = ibis.window(
        group_by=SPINE,
        order_by=[rows.state, rows.commercial.desc(), distance, rows.policy_id],
    )
    of_vehicle = ibis.window(
        group_by=[*SPINE, "line", "vehicle_id"], order_by=[rows.inception, rows.policy_id]
    )
    earlier = ibis.window(
        group_by=SPINE, order_by=[rows.inception, rows.policy_id], preceding=(None, 1)
    )
    rows = rows.mutate(
        next_of_line=ibis.row_number().over(of_line) == 0,
        leading=ibis.row_number().over(of_motor) == 0,
        term_number=ibis.row_number().over(of_vehicle) + 1,
        last_inception=rows.inception.max().over(ibis.window(group_by=[*SPINE, "vehicle_id"])),
        previous_premium=rows.written_premium.lag().over(of_vehicle),
        previous_ncd_level=rows.ncd_level.lag().over(of_vehicle),
        previous_channel=rows.channel.lag().over(of_vehicle),
        previous_limit=rows.third_party_limit.lag().over(of_vehicle),
        covered_until=rows.cover_end.max().over(earlier),
    )
    # Null for the first term: nothing came before it, so there is no gap.
    return rows.mutate(gap_days=rows.inception.delta(rows.covered_until, unit="day").clip(lower=0))


@relation("vehicles", "policies")
def insured_vehicle(lake: Lake, spine: Spine) -> ir.Table:
    """The vehicle of the leading motor term, at most one row."""
    terms = motor_terms(lake, spine)
    leading = terms.filter(terms.leading).select(*SPINE, "vehicle_id")
    return known(lake, spine, "vehicles").semi_join(leading, [*SPINE, "vehicle_id"])


@relation("claims")
def claims(lake: Lake, spine: Spine) -> ir.Table:
    """Claims known, by the time they occurred."""
    rows = _events(lake, spine, "claims", "occurred_at")
    return rows.mutate(
        reported_days_ago=days_ago(rows, "reported_on"),
        closed_days_ago=days_ago(rows, "closed_on"),
        surveyed_days_ago=days_ago(rows, "surveyed_on"),
        paid_days_ago=days_ago(rows, "paid_on"),
    )


@relation("claims", "claim_movements")
def claim_amounts(lake: Lake, spine: Spine) -> ir.Table:
    """Claims with `paid` and `outstanding` as they stood at the cutoff."""
    moves = known(lake, spine, "claim_movements")
    moves = moves.filter(moves.moved_at < moves.cutoff)
    sums = moves.group_by([*SPINE, "claim_id"]).aggregate(
        paid=moves.paid_change.sum(), outstanding=moves.outstanding_change.sum()
    )
    rows = _events(lake, spine, "claims", "occurred_at")
    rows = rows.inner_join(sums, [*SPINE, "claim_id"])
    return rows.mutate(incurred=rows.paid + rows.outstanding)


@relation("quotes")
def quotes(lake: Lake, spine: Spine) -> ir.Table:
    """Quotes made."""
    return _events(lake, spine, "quotes")


@relation("quotes", "policies")
def renewal_quotes(lake: Lake, spine: Spine) -> ir.Table:
    """Quotes for renewing the commercial term in force that ends first; `latest` marks one."""
    terms = motor_terms(lake, spine)
    expiring = terms.filter(terms.commercial & terms.next_of_line & terms.in_force)
    expiring = expiring.select(*SPINE, "policy_id", expiring_premium=expiring.written_premium)
    rows = quotes(lake, spine)
    rows = rows.filter(rows.line == "motor_commercial")
    rows = rows.inner_join(expiring, [*SPINE, "policy_id"])
    newest = ibis.window(group_by=SPINE, order_by=[rows.quoted_at.desc(), rows.quote_id.desc()])
    return rows.mutate(latest=ibis.row_number().over(newest) == 0)


@relation("interactions")
def interactions(lake: Lake, spine: Spine) -> ir.Table:
    """Contacts, with `reached` and `responded` read from the result."""
    rows = _events(lake, spine, "interactions")
    answered = ("clicked", "replied", "connected", "converted")
    return rows.mutate(
        outbound=rows.direction == "out",
        reached=rows.result.isin(("delivered", "read", "refused", *answered)).fill_null(False),
        responded=rows.result.isin(answered).fill_null(False),
    )


@relation("entitlements")
def entitlements(lake: Lake, spine: Spine) -> ir.Table:
    """Entitlements granted, by the time of the grant, and what became of them."""
    rows = _events(lake, spine, "entitlements")
    return rows.mutate(
        used_days_ago=days_ago(rows, "used_on"),
        used_in_36m=rows.used_on > rows.from_36m,
        open=rows.used_at.isnull() & (rows.expires_on > rows.as_of),
    )


@relation("surveys_and_complaints")
def cases(lake: Lake, spine: Spine) -> ir.Table:
    """Surveys answered and complaints received; `latest_survey` marks one."""
    rows = _events(lake, spine, "surveys_and_complaints")
    newest = ibis.window(
        group_by=[*SPINE, "kind"], order_by=[rows.occurred_at.desc(), rows.case_id.desc()]
    )
    survey = rows.kind == "survey"
    return rows.mutate(latest_survey=survey & (ibis.row_number().over(newest) == 0))


@relation("consents")
def consents(lake: Lake, spine: Spine) -> ir.Table:
    """The latest word of the customer on each purpose."""
    rows = _events(lake, spine, "consents")
    newest = ibis.window(
        group_by=[*SPINE, "purpose"], order_by=[rows.changed_at.desc(), rows.consent_id.desc()]
    )
    rows = rows.mutate(latest=ibis.row_number().over(newest) == 0)
    return rows.filter(rows.latest)


@relation("policies", "claims")
def rating(lake: Lake, spine: Spine) -> ir.Table:
    """The star rating, one row, as `features.star` computes it."""
    # Imported on use: the star rule reads the same as-of views that this module offers.
    from features.star import load_star_settings, rate

    return rate(lake, spine.pairs, load_star_settings(lake.home))


def _union(parts: list[ir.Table]) -> ir.Table:
    return parts[0] if len(parts) == 1 else ibis.union(*parts)
