"""Gather the terms whose customers had services, whether they used them, and what came of it.

One row a motor commercial term and class of services granted with it, of terms whose renewal is
ripe. Use counts until renewals begin, 60 days before expiry: whoever has signed the next term
already cannot be kept by a service. What adjusts the comparison was known when the term began, so
that neither use nor renewal is in it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

import ibis.expr.types as ir
import numpy as np
import pyarrow as pa

from features.contracts.vocabulary import MOTOR_LINES
from features.errors import GuanjiaError
from features.lake import Lake
from features.lake.known_at import known_sql
from features.lake.spine import spine_of
from features.lake.terms import VOID
from features.settings import cutoff
from features.sql import instant_sql, sql_text
from features.stars.value import rate
from training.experiments.sample import Array, Flags, Ints
from training.labels.leads import LONGEST_LEAD
from training.labels.questions import calendar
from training.labels.renewals import RENEWAL_GRACE_DAYS

TRIALS = {f"use_reminder_{name}": name for name in ("A", "B", "C")}
"""Trial of the table `assignments` -> class of services its reminder is about."""
REMINDER, CONTROL = "reminder", "control"
"""Arms of these trials."""
SERVICE_TERMS = "service_terms"
NUMBERS = (
    "premium", "ncd_level", "pricing_factor", "granted_before", "used_before", "used_share_before",
    "tenure_years", "premium_5y", "claims_5y", "age", "mini_program", "wecom", "year",
)  # fmt: skip
"""Numbers known when the term began."""
CATEGORIES = ("channel", "business_type", "branch", "city_tier", "gender", "star", "service_class")


@dataclass(frozen=True)
class ServiceRows:
    """Terms with a class of services each; arrays of shape (rows,).

    Attributes
    ----------
    used, renewed : numpy.ndarray of bool
        Whether a service of the class was used, and whether the term is renewed.
    cost, premium : numpy.ndarray of float
        Yuan that the use cost, and the commercial premium of the term.
    drawn, reminded : numpy.ndarray of bool
        Whether a lot decided about a reminder, and whether it was to be sent.
    probability : numpy.ndarray of float
        Stated probability of the reminder; NaN without a lot.
    clusters : numpy.ndarray of int
        Code of the household.
    columns : numpy.ndarray of float
        Shape (rows, k): what adjusts, with NaN where unknown.
    levels : dict of str to numpy.ndarray of str
        Level of each row by breakdown: `class`, `star`, `branch`.
    without_cost : int
        Uses of services whose cost is not known; they count as 0.
    """

    used: Flags
    renewed: Flags
    cost: Array
    premium: Array
    drawn: Flags
    reminded: Flags
    probability: Array
    clusters: Ints
    columns: Array
    levels: dict[str, np.ndarray]
    without_cost: int


def gather_service_rows(
    lake: Lake, as_of: date, branches: Collection[str] | None = None
) -> ServiceRows:
    """Gather the terms with services as known at a date.

    Parameters
    ----------
    lake : Lake
        Home with the checked tables `policies`, `customers` and `entitlements`; of `assignments`,
        if they are there.
    as_of : date
        What was recorded by the end of this day counts.
    branches : collection of str, optional
        Only customers of these branches; default: all.

    Raises
    ------
    GuanjiaError
        If a table is missing, or no term with services is ripe.
    """
    for table in ("policies", "customers", "entitlements"):
        lake.require(table)
    with lake.materialised(SERVICE_TERMS, _terms_sql(lake, as_of)) as open_terms:
        ratings = lake.keep(_ratings(lake, open_terms(), as_of))
        query = _joined_sql(lake, as_of, ratings.get_name(), branches)
        rows = lake.con.execute(query).to_arrow_table()
    if not rows.num_rows:
        raise GuanjiaError(
            f"terms with services by {as_of}", "are none that are ripe", "wait for their renewal"
        )
    return _arrays(rows)


def _arrays(rows: pa.Table) -> ServiceRows:
    def numbers(name: str) -> Array:
        return np.asarray(rows[name].cast(pa.float64()).to_numpy(), np.float64)

    def texts(name: str) -> np.ndarray:
        return np.asarray(rows[name].cast(pa.string()).fill_null("未知").to_pylist(), str)

    arm = texts("arm")
    stated = numbers("probability")
    drawn = np.isin(arm, (REMINDER, CONTROL)) & np.isfinite(stated)
    columns = [numbers(name) for name in NUMBERS]
    for name in CATEGORIES:
        codes = texts(name)
        # The first level is the one that the others are compared with.
        columns += [(codes == level).astype(float) for level in np.unique(codes)[1:]]
    used = numbers("used") > 0
    return ServiceRows(
        used=used,
        renewed=numbers("renewed") > 0,
        cost=np.nan_to_num(numbers("cost")),
        premium=np.nan_to_num(numbers("premium")),
        drawn=drawn,
        reminded=arm == REMINDER,
        probability=np.where(drawn, np.where(arm == REMINDER, stated, 1 - stated), np.nan),
        clusters=np.unique(texts("household"), return_inverse=True)[1],
        columns=np.column_stack(columns),
        levels={"class": texts("service_class"), "star": texts("star"), "branch": texts("branch")},
        without_cost=int(np.nansum(numbers("uncosted"))),
    )


def _checked(lake: Lake, table: str) -> str:
    return f"read_parquet({sql_text(lake.require(table))})"


def _terms_sql(lake: Lake, as_of: date) -> str:
    """Write the query of terms and classes: use, cost, renewal, and use of earlier terms."""
    closes = cutoff(as_of, lake.settings.timezone)
    known, happened = known_sql(closes), instant_sql(closes)
    lines = ", ".join(map(sql_text, MOTOR_LINES))
    return f"""
    WITH motor AS (
        SELECT policy_id, customer_id, vehicle_id, line, inception, expiry, cancelled_on, signed_on,
            written_premium, ncd_level, pricing_factor, channel, branch, business_type
        FROM {_checked(lake, "policies")}
        WHERE {known} AND line IN ({lines}) AND NOT coalesce({VOID}, false)
    ), ripe AS (
        SELECT * FROM motor WHERE line = 'motor_commercial'
            AND expiry + {RENEWAL_GRACE_DAYS} <= DATE '{as_of}'
            AND (cancelled_on IS NULL OR cancelled_on > expiry - {LONGEST_LEAD})
    ), renewed AS (
        SELECT DISTINCT t.policy_id FROM ripe t JOIN motor n USING (customer_id, vehicle_id)
        WHERE n.policy_id <> t.policy_id AND n.inception > t.inception
            AND n.inception >= t.expiry - {RENEWAL_GRACE_DAYS}
            AND n.signed_on <= t.expiry + {RENEWAL_GRACE_DAYS}
    ), granted AS (
        SELECT entitlement_id, customer_id, service_class, granted_on, expires_on, unit_cost,
            CASE WHEN used_at < {happened} THEN used_on END AS used_on
        FROM {_checked(lake, "entitlements")} WHERE {known}
    ), owned AS (
        -- Of the terms in force when it was granted, the one that ends with the entitlement.
        SELECT g.*, m.policy_id, m.expiry
        FROM granted g JOIN motor m ON m.customer_id = g.customer_id
            AND m.inception <= g.granted_on AND g.granted_on < m.expiry
        QUALIFY row_number() OVER (PARTITION BY entitlement_id
            ORDER BY abs(m.expiry - g.expires_on), m.line, m.policy_id) = 1
    ), used AS (
        SELECT policy_id, service_class,
            coalesce(bool_or(used_on <= expiry - {LONGEST_LEAD}), false) AS used,
            sum(unit_cost) FILTER (used_on <= expiry - {LONGEST_LEAD}) AS cost,
            count(*) FILTER (used_on <= expiry - {LONGEST_LEAD} AND unit_cost IS NULL) AS uncosted
        FROM owned GROUP BY 1, 2
    ), before AS (
        SELECT t.policy_id, count(*) AS granted_before,
            count(*) FILTER (g.used_on < t.inception) AS used_before
        FROM ripe t JOIN granted g ON g.customer_id = t.customer_id AND g.granted_on < t.inception
        GROUP BY 1
    )
    SELECT t.policy_id, t.customer_id, t.inception, u.service_class, u.used, u.cost, u.uncosted,
        r.policy_id IS NOT NULL AS renewed, t.written_premium AS premium, t.ncd_level,
        t.pricing_factor, t.channel, t.business_type, t.branch AS term_branch,
        coalesce(b.granted_before, 0) AS granted_before, coalesce(b.used_before, 0) AS used_before,
        b.used_before / b.granted_before AS used_share_before, l.arm, l.probability
    FROM ripe t JOIN used u USING (policy_id) LEFT JOIN renewed r USING (policy_id)
        LEFT JOIN before b USING (policy_id)
        LEFT JOIN ({_lots_sql(lake, known)}) l
            ON l.policy_id = t.policy_id AND l.service_class = u.service_class
    """


def _lots_sql(lake: Lake, known: str) -> str:
    """Write the query of the lots about reminders, the first of each term and class."""
    if not lake.has("assignments"):
        return (
            "SELECT NULL::VARCHAR AS policy_id, NULL::VARCHAR AS service_class,"
            " NULL::VARCHAR AS arm, NULL::DOUBLE AS probability WHERE false"
        )
    classes = " ".join(f"WHEN {sql_text(k)} THEN {sql_text(v)}" for k, v in TRIALS.items())
    return f"""
        SELECT policy_id, CASE trial {classes} END AS service_class, arm, probability
        FROM {_checked(lake, "assignments")}
        WHERE {known} AND trial IN ({", ".join(map(sql_text, TRIALS))}) AND policy_id IS NOT NULL
        QUALIFY row_number() OVER (PARTITION BY policy_id, trial ORDER BY assigned_at) = 1"""


def _ratings(lake: Lake, terms: ir.Table, as_of: date) -> ir.Table:
    """Rate each customer as of the day on which the term began."""
    days = calendar(lake, as_of)
    pairs = terms.select("customer_id", "inception").join(days, terms.inception == days.day)
    return rate(lake, spine_of(pairs.select("customer_id", "cutoff", as_of="inception")))


def _joined_sql(lake: Lake, as_of: date, ratings: str, branches: Collection[str] | None) -> str:
    """Write the query that adds what was known of the customer when the term began."""
    known = known_sql(cutoff(as_of, lake.settings.timezone))
    seen = (
        ""
        if branches is None
        else f" WHERE branch IN ({', '.join(map(sql_text, sorted(branches))) or 'NULL'})"
    )
    return f"""
    WITH person AS (
        SELECT customer_id, branch AS home_branch, birth_date, city_tier, gender,
            mini_program_bound_on, wecom_added_on,
            coalesce(household_id, customer_id) AS household
        FROM {_checked(lake, "customers")} WHERE {known}
    ), joined AS (
        SELECT t.*, coalesce(p.household, t.customer_id) AS household, p.city_tier, p.gender,
            coalesce(p.home_branch, t.term_branch) AS branch,
            date_diff('day', p.birth_date, t.inception) / 365.25 AS age,
            coalesce(p.mini_program_bound_on < t.inception, false)::INT AS mini_program,
            coalesce(p.wecom_added_on < t.inception, false)::INT AS wecom,
            year(t.inception) AS year, s.tenure_years, s.premium_5y, s.claims_5y,
            s.star_level AS star
        FROM {SERVICE_TERMS} t LEFT JOIN person p USING (customer_id)
            LEFT JOIN {ratings} s ON s.customer_id = t.customer_id AND s.as_of = t.inception
    )
    SELECT * FROM joined{seen} ORDER BY policy_id, service_class
    """
