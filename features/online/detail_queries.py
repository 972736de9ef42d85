"""Derive the contact details of customers from the checked tables, and load them online."""

from collections.abc import Collection, Iterator
from datetime import date

import ibis
import ibis.expr.types as ir

from features.contracts.tables import CONTRACTS
from features.instants import microseconds
from features.lake import Lake
from features.lake.compiled import compile_once, open_tables
from features.lake.known import events, known_versions
from features.lake.spine import SPINE, Spine
from features.lake.terms import left_to_renew
from features.online.contact_details import (
    CLAIM_STEPS,
    COLUMNS,
    CONTACT_DETAILS,
    FROM_CLAIMS,
    FROM_CUSTOMERS,
    FROM_TERMS,
)
from features.online.rows import Row
from features.online.store import online_rows
from features.settings import cutoff
from features.tags.relations.relations import RELATIONS


def load_details(lake: Lake, as_of: date, erased: Collection[str] = ()) -> int:
    """Load the details of all customers, as known at the end of a date, into the online store.

    Parameters
    ----------
    lake : Lake
        Where the checked tables lie; its settings name the online store.
    as_of : date
        The date.
    erased : collection of str
        Customers who were erased, and are left out.

    Returns
    -------
    int
        Rows offered; rows that are newer in the store stay.
    """
    rows = online_rows(lake)
    rows.prepare_groups([CONTACT_DETAILS])
    offered = 0
    for batch in details_rows(lake, as_of):
        stay = [row for row in batch if row[0] not in erased]
        offered += rows.offer(CONTACT_DETAILS, COLUMNS, stay)
    rows.mark_filled(CONTACT_DETAILS)
    return offered


def contact_details(lake: Lake, spine: Spine) -> ir.Table:
    """Derive the details of the customers of a spine, as known at its cutoffs.

    Parameters
    ----------
    lake : Lake
        Where the checked tables lie.
    spine : Spine
        Customers and dates.

    Returns
    -------
    ibis.Table
        `customer_id`, `as_of` and `COLUMNS`, all strings, null where not known:

        - `plate_to_renew`: of the car whose cover ends first and was not renewed;
          `plate_signed`: of the term signed last; `plate_ended`: of the cover that ended last;
          `plate_insured`: of the only car in force. None of them falls back to another car.
        - `claim_reported`, `claim_surveyed`, ...: the claim to which that step happened last;
          `amount_paid`: yuan paid on `claim_paid`.
        - `entitlements`: open ones by service, as `service=count;...` in the order of the names.
    """
    rows = known_versions(lake, spine, "customers")
    rows = rows.select(*SPINE, *(rows[name] for name in FROM_CUSTOMERS))
    parts: list[tuple[tuple[str, ...], ir.Table | None]] = [
        (FROM_TERMS, _plates(lake, spine) if _has(lake, "policies", "vehicles") else None),
        (FROM_CLAIMS, _claims(lake, spine) if lake.has("claims") else None),
        (("entitlements",), _entitlements(lake, spine) if lake.has("entitlements") else None),
    ]
    for names, part in parts:
        if part is None:
            rows = rows.mutate(**{name: ibis.null("string") for name in names})
        else:
            joined = rows.left_join(part, SPINE)
            rows = joined.select(*(rows[name] for name in rows.columns), *names)
    return rows.select(*SPINE, *COLUMNS)


def details_rows(lake: Lake, as_of: date) -> Iterator[list[Row]]:
    """Compute the rows of all customers of a date, in batches, for `OnlineRows.offer`.

    Parameters
    ----------
    lake : Lake
        Where the checked tables lie.
    as_of : date
        The date; what was not known at its end is not in them.
    """
    dates = ((as_of, cutoff(as_of, lake.settings.timezone)),)
    present = open_tables(lake, (name for name in CONTRACTS if lake.has(name)))
    moments = lake.moments(dates)

    def details() -> ir.Table:
        # No date is written into the SQL: the pairs of customers and dates are not read.
        return contact_details(lake, Spine(lake.table("customers"), dates, moments))

    query = compile_once(lake, ("contact_details", present), details)
    at = microseconds(dates[0][1])
    with lake.batches(rows_sql(query)) as batches:
        for batch in batches:
            pairs = zip(*(column.to_pylist() for column in batch.columns), strict=True)
            yield [(customer, at, at, array) for customer, array in pairs]


def rows_sql(query: str) -> str:
    """Write the query of `contact_details` as pairs of a customer and a JSON array of `COLUMNS`."""
    columns = ", ".join(f'"{name}"' for name in COLUMNS)
    return f"SELECT customer_id, json_array({columns})::VARCHAR FROM ({query})"


def _has(lake: Lake, *tables: str) -> bool:
    return all(lake.has(table) for table in tables)


def _plates(lake: Lake, spine: Spine) -> ir.Table:
    """Find the plates of the cars that a message can be about."""
    terms = RELATIONS["motor_terms"].build(lake, spine)
    cars = known_versions(lake, spine, "vehicles").select(*SPINE, "vehicle_id", "plate")
    joined = terms.left_join(cars, [*SPINE, "vehicle_id"])
    # An absent plate is a value here: else another car's would take its place.
    rows = joined.select(*(terms[name] for name in terms.columns), plate=cars.plate.fill_null(""))
    order = {"policy": rows.policy_id}
    ends = ibis.struct({"days": rows.ends_in_days, **order})
    signed = ibis.struct({"at": rows.signed_at, **order})
    single = rows.vehicle_id.nunique(where=rows.in_force) == 1
    plates = rows.group_by(SPINE).aggregate(
        plate_to_renew=rows.plate.argmin(ends, where=left_to_renew(rows)),
        plate_signed=rows.plate.argmax(signed),
        plate_ended=rows.plate.argmax(ends, where=rows.ends_in_days <= 0),
        plate_insured=single.ifelse(rows.plate.max(where=rows.in_force), ibis.null("string")),
    )
    return plates.mutate(**{name: plates[name].nullif("") for name in FROM_TERMS})


def _claims(lake: Lake, spine: Spine) -> ir.Table:
    """Find the claim to which each step of the chain happened last, and what was paid on it."""
    rows = events(lake, spine, "claims", "reported_at")
    amounts = rows.select(*SPINE, "claim_id", amount=ibis.null("string"))
    if lake.has("claim_movements"):
        moved = events(lake, spine, "claim_movements")
        sums = moved.group_by([*SPINE, "claim_id"]).aggregate(paid=moved.paid_change.sum())
        amounts = sums.select(*SPINE, "claim_id", amount=sums.paid.cast("string"))
    joined = rows.left_join(amounts, [*SPINE, "claim_id"])
    rows = joined.select(*(rows[name] for name in rows.columns), amounts.amount.fill_null(""))
    rows = rows.rename(amount=rows.columns[-1])
    last = {
        step: ibis.struct({"at": rows[f"{step}_at"], "claim": rows.claim_id})
        for step in CLAIM_STEPS
    }
    claims = rows.group_by(SPINE).aggregate(
        **{
            f"claim_{step}": rows.claim_id.argmax(order, where=rows[f"{step}_at"].notnull())
            for step, order in last.items()
        },
        amount_paid=rows.amount.argmax(last["paid"], where=rows.paid_at.notnull()),
    )
    return claims.mutate(amount_paid=claims.amount_paid.nullif(""))


def _entitlements(lake: Lake, spine: Spine) -> ir.Table:
    """Count the open entitlements of each service, and put the counts into one text."""
    rows = RELATIONS["entitlements"].build(lake, spine)
    counts = rows.group_by([*SPINE, "service"]).aggregate(open=rows.open.sum())
    counts = counts.filter(counts.open > 0)
    text = counts.service + "=" + counts.open.cast("string")
    return counts.group_by(SPINE).aggregate(
        entitlements=text.group_concat(";", order_by=counts.service)
    )
