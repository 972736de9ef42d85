"""Complete matched tables: what a raw table needs and the exports hold elsewhere, or not at all.

A claim names its policy, and the policy its customer; a file of policies holds customers and
vehicles too; the sums of a claim become one movement. Every such rule is written into the mapping.
"""

import dataclasses
from collections.abc import Mapping as Map

from features.contracts.tables import CONTRACTS
from features.imports.mapping import ColumnMap, TableMap
from features.imports.matching.evidence import Evidence
from features.imports.matching.matcher import SAME, Match, identity_heading, match_table, table_map

STEPS = ("closed_at", "paid_at", "adjusted_at", "assessed_at", "surveyed_at", "reported_at")
HOSTS = {
    "customers": ("policies", ("name", "phone", "birth_date", "gender")),
    "vehicles": ("policies", ("vin", "plate", "energy", "first_registered", "list_price")),
    "claim_movements": ("claims", ("paid_change", "outstanding_change")),
}
"""Raw table -> the table whose rows may hold it too, and the columns that show it."""
REFERENCES = {
    "policies": (("customer_id", "vehicles", "vehicle_id"),),
    "vehicles": (("customer_id", "policies", "vehicle_id"),),
    "claims": (("customer_id", "policies", "policy_id"), ("vehicle_id", "policies", "policy_id")),
    "claim_movements": (("customer_id", "claims", "claim_id"),),
    "quotes": (("customer_id", "policies", "policy_id"),),
}
"""Columns that another table knows: column, table, column that both have."""


def further_tables(tables: list[TableMap], matches: Map[str, Map[str, Match]]) -> list[TableMap]:
    """List the tables that no source is, but the rows of a matched one hold too.

    Parameters
    ----------
    tables : list of TableMap
        The matched tables.
    matches : mapping of str to mapping of str to Match
        Source -> raw table -> how its headings match that table.
    """
    there = {table.name for table in tables}
    further: list[TableMap] = []
    for name, (host, signs) in HOSTS.items():
        if name in there:
            continue
        for table in tables:
            match = matches[table.source].get(name)
            if table.name == host and match and set(signs) & match.columns.keys():
                guest = without_taken(match, matches[table.source][host])
                if name == "customers" and "vehicles" in matches[table.source]:
                    guest = without_taken(guest, matches[table.source]["vehicles"])
                further.append(table_map(guest, table.source, sure=True))
                break
    return further


def without_taken(guest: Match, host: Match) -> Match:
    """Leave out the columns of a guest whose heading names one of the host's at least as well."""
    owned = {heading: (column, score) for column, (heading, score) in host.columns.items()}
    columns = {
        column: (heading, score)
        for column, (heading, score) in guest.columns.items()
        if heading not in owned or owned[heading][0] == column or owned[heading][1] < score - SAME
    }
    return dataclasses.replace(guest, columns=columns)


def complete(table: TableMap, there: set[str], evidence: Map[str, Evidence]) -> TableMap:
    """Add the columns that a raw table needs and its source does not name.

    Parameters
    ----------
    table : TableMap
        A matched table.
    there : set of str
        The raw tables of the mapping.
    evidence : mapping of str to Evidence
        What the cells of its source look like, by heading.
    """
    columns = dict(table.columns)
    if table.name in {"customers", "policies"} and "customer_id" not in columns:
        identity = identity_heading(evidence)
        if identity:
            columns["customer_id"] = _from(identity)
    vehicle = columns.get("vin") or columns.get("plate")
    if table.name == "vehicles" and "vehicle_id" not in columns and vehicle:
        columns["vehicle_id"] = _vehicle(str(vehicle.heading), evidence)
    for column, other, by in REFERENCES.get(table.name, ()):
        if column not in columns and other in there and (by in columns or other == "policies"):
            columns[column] = ColumnMap(lookup=other, by=by)
    additions = {
        "customers": _of_customers,
        "vehicles": _of_vehicles,
        "policies": _of_policies,
        "claims": _of_claims,
        "claim_movements": _of_movements,
    }
    if table.name in additions:
        columns = additions[table.name](columns, there) | columns
    in_order = {name: columns[name] for name in CONTRACTS[table.name].columns if name in columns}
    return table.model_copy(update={"columns": in_order})


def share_vehicles(
    tables: list[TableMap], evidence: Map[str, Map[str, Evidence]]
) -> list[TableMap]:
    """Map policies to their vehicle as the table of vehicles does: by number, VIN or plate.

    Parameters
    ----------
    tables : list of TableMap
        The matched tables.
    evidence : mapping of str to mapping of str to Evidence
        Source -> heading -> what its cells look like.
    """
    shared = []
    for table in tables:
        columns = dict(table.columns)
        if table.name in {"policies", "quotes"} and "vehicle_id" not in columns:
            match = match_table("vehicles", "", evidence[table.source])
            heading = next(
                (match.columns[name][0] for name in ("vehicle_id", "vin", "plate")
                 if name in match.columns), None,
            )  # fmt: skip
            if heading:
                columns["vehicle_id"] = _vehicle(heading, evidence[table.source])
        shared.append(table.model_copy(update={"columns": columns}))
    return shared


def _vehicle(heading: str, evidence: Map[str, Evidence]) -> ColumnMap:
    """Take a heading as the number of a vehicle, for certain where the cells are VINs."""
    sure = evidence[heading].shares["vin"] > 0.9
    return ColumnMap.model_validate({"from": heading, "confidence": "sure" if sure else "look"})


def _from(heading: str) -> ColumnMap:
    return ColumnMap.model_validate({"from": heading, "confidence": "look"})


def _of_customers(columns: Map[str, ColumnMap], there: set[str]) -> dict[str, ColumnMap]:
    if "registered_at" in columns or "policies" not in there:
        return {}
    return {"registered_at": ColumnMap(earliest="policies.signed_at", by="customer_id")}


def _of_vehicles(columns: Map[str, ColumnMap], there: set[str]) -> dict[str, ColumnMap]:
    added = {}
    if "acquired_at" not in columns and "policies" in there:
        added["acquired_at"] = ColumnMap(earliest="policies.signed_at", by="vehicle_id")
    if "kind" not in columns:
        added["kind"] = ColumnMap(value="car", confidence="look")
    return added


def _of_policies(columns: Map[str, ColumnMap], there: set[str]) -> dict[str, ColumnMap]:  # noqa: ARG001
    added = {}
    if "signed_at" not in columns and "inception" in columns:
        added["signed_at"] = _from(str(columns["inception"].heading))
    if "private_car" not in columns:
        added["private_car"] = ColumnMap(value=True, confidence="look")
    return added


def _of_claims(columns: Map[str, ColumnMap], there: set[str]) -> dict[str, ColumnMap]:  # noqa: ARG001
    added = {}
    for column, other in (("occurred_at", "reported_at"), ("reported_at", "occurred_at")):
        if column not in columns and other in columns:
            added[column] = _from(str(columns[other].heading))
    return added


def _of_movements(columns: Map[str, ColumnMap], there: set[str]) -> dict[str, ColumnMap]:  # noqa: ARG001
    added = {}
    claim = columns.get("claim_id")
    if "movement_id" not in columns and claim is not None:
        added["movement_id"] = claim.model_copy(update={"suffix": "-1"})
    for column in ("paid_change", "outstanding_change"):
        mapped = columns.get(column)
        if mapped is None:
            added[column] = ColumnMap(value="0", confidence="look")
    return added


def movements_of_sums(table: TableMap, claims: TableMap | None) -> TableMap:
    """Make one movement of the sums of a claim as they stand today, at the latest of its steps.

    Parameters
    ----------
    table : TableMap
        Movements.
    claims : TableMap, optional
        Claims of the same source; None: the movements have a source of their own.
    """
    columns = dict(table.columns)
    for column in ("paid_change", "outstanding_change"):
        if column in columns and columns[column].heading is not None:
            columns[column] = columns[column].model_copy(update={"empty": "0"})
    if claims is not None and "moved_at" not in columns:
        steps = [claims.columns[step].heading for step in STEPS if step in claims.columns]
        headings = tuple(dict.fromkeys(heading for heading in steps if heading is not None))
        if headings:
            columns["moved_at"] = ColumnMap(latest=headings)
    return table.model_copy(update={"columns": columns})
