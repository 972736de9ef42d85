"""Read what came of the terms of members: of the first that was to expire, and of all of them.

A campaign's claim is about the first. A member with three cars has three terms that may expire
while the arms hold; their renewals are counted beside it (docs/adr/0056).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from features.lake import Lake
from features.lake.known_at import known_sql
from features.sql import instant_sql, sql_text


@dataclass(frozen=True)
class MemberTerms:
    """What came of a member's terms.

    Attributes
    ----------
    ripe, renewed : bool
        Whether the renewal of the first term can no longer change, and whether it is renewed.
    premium : float
        Yuan of the motor terms that followed the first; 0 without one.
    all_ripe, all_renewed : int
        How many terms of the span are ripe, and how many of these are renewed.
    all_premium : float
        Yuan of the motor terms that followed them.
    """

    ripe: bool
    renewed: bool
    premium: float
    all_ripe: int
    all_renewed: int
    all_premium: float


def read_terms(
    lake: Lake,
    customers: Sequence[str],
    launched: datetime,
    as_of: date,
    until: date | None = None,
) -> dict[str, MemberTerms]:
    """Read the terms that were to expire after an instant, with what came of them.

    Parameters
    ----------
    lake : Lake
        The home with the checked policies.
    customers : sequence of str
        The customers.
    launched : datetime
        Terms are those known and in force then, which expire from that day on.
    as_of : date
        Last day whose records are used for outcomes.
    until : date, optional
        Last expiry of the terms that are counted together. Default: the first term alone.

    Returns
    -------
    dict of str to MemberTerms
        Customers without such a term are not in it.
    """
    import ibis
    import pyarrow as pa

    from training.labels.renewals import renewed_terms

    lake.con.register("campaign_customers", pa.table({"customer_id": list(customers)}))
    day = instant_sql(launched)
    query = f"""
        SELECT customer_id, policy_id, expiry
        FROM read_parquet({sql_text(lake.require("policies"))})
        SEMI JOIN campaign_customers USING (customer_id)
        WHERE line = 'motor_commercial' AND {known_sql(launched)}
          AND cancelled_on IS NULL
          AND expiry >= ({day} AT TIME ZONE {sql_text(lake.settings.timezone)})::DATE
        ORDER BY customer_id, expiry, policy_id
    """
    try:
        terms = lake.con.execute(query).to_arrow_table()
    finally:
        lake.con.unregister("campaign_customers")
    policies = ibis.memtable(terms.select(["policy_id"]))
    labels = lake.arrow(renewed_terms(lake, as_of).semi_join(policies, "policy_id"))
    outcomes = {
        row["policy_id"]: (bool(row["label"]), float(row["premium"] or 0))
        for row in labels.to_pylist()
    }
    by_customer: dict[str, list[tuple[str, date]]] = {}
    for row in terms.to_pylist():
        by_customer.setdefault(row["customer_id"], []).append((row["policy_id"], row["expiry"]))
    return {customer: _member_terms(own, outcomes, until) for customer, own in by_customer.items()}


def _member_terms(
    own: Sequence[tuple[str, date]],
    outcomes: Mapping[str, tuple[bool, float]],
    until: date | None,
) -> MemberTerms:
    """Sum what came of a member's terms, given in the order of their expiry."""
    (first, _), *_ = own
    renewed, premium = outcomes.get(first, (False, 0.0))
    counted = {policy for policy, expiry in own if until is not None and expiry <= until}
    ripe = _ripe(counted | {first}, outcomes)
    return MemberTerms(
        ripe=first in outcomes,
        renewed=renewed,
        premium=premium,
        all_ripe=len(ripe),
        all_renewed=sum(label for label, _ in ripe),
        all_premium=sum(yuan for _, yuan in ripe),
    )


def _ripe(
    policies: Collection[str], outcomes: Mapping[str, tuple[bool, float]]
) -> list[tuple[bool, float]]:
    return [outcomes[policy] for policy in sorted(policies) if policy in outcomes]
