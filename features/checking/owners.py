"""Attribute claims and their movements to the customer whose car it was, and count odd ones.

The star counts the claims "that occurred on those cars" (`docs/star.md`). The policy that a claim
names says whose car it was, and the claim whose movements they are. Where the customer number of a
row says otherwise, the policy's counts, or the claim's, as it was known when the row was recorded.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from features.checking.queries import BROKEN, ROW, TYPED, Counts, count_where
from features.contracts.contract import Contract
from features.lake import Lake
from features.lake.known_at import LATEST
from features.lake.terms import VOID
from features.sql import quoted, sql_text

OWNERS = "check_owners"
"""Good rows that count for another customer than they name; `owner` is null where it is unclear."""


@dataclass(frozen=True)
class Reference:
    """What the rows of a table name, and the sentences about rows that name it oddly.

    Attributes
    ----------
    key, table : str
        Column that names it, and the table that has it.
    unknown, other, later : str
        Nothing is known by this name; it is another customer's; it is another customer's, and was
        recorded later than the row.
    """

    key: str
    table: str
    unknown: str
    other: str
    later: str


REFERENCES = {
    "claims": Reference(
        "policy_id",
        "policies",
        "policy_id is not a known policy: the star counts the claim by its car",
        "the policy is another customer's: the claim counts for the policy's customer",
        "the policy is another customer's and was recorded after the claim: the claim counts for"
        " its own customer, in the star by its car",
    ),
    "claim_movements": Reference(
        "claim_id",
        "claims",
        "claim_id is not a known claim: the amount counts in no star and no tag, in the account of"
        " its customer",
        "the claim is another customer's: the amount counts for the claim's customer",
        "",
    ),
}
NO_TERM = "the term was cancelled from its inception: the star counts the claim by its car"


def has_owner(contract: Contract) -> bool:
    """Check whether what the rows of a table name decides for whom they count."""
    return contract.name in REFERENCES


def find_owners(lake: Lake, contract: Contract, checked: Mapping[str, Path]) -> Counts:
    """Create the table OWNERS, and count good rows that are odd.

    Parameters
    ----------
    lake : Lake
        Whose engine holds TYPED and BROKEN.
    contract : Contract
        The contract of the rows.
    checked : mapping of str to Path
        Table -> its file of good rows; that of the table that the rows name is written.

    Returns
    -------
    Counts
        Sentence -> rows, and the first of them.
    """
    if not has_owner(contract):
        return {}
    reference = REFERENCES[contract.name]
    key, named = quoted(reference.key), sql_text(checked[reference.table])
    lake.engine.raw_sql(
        f"""
        CREATE OR REPLACE TEMP TABLE {OWNERS} AS
        WITH named AS (
            SELECT {key} AS k, customer_id AS holder, recorded_at AS told
            FROM read_parquet({named})
        ), odd AS (
            SELECT {ROW}, {key} AS k, recorded_at
            FROM {TYPED} ANTI JOIN {BROKEN} USING ({ROW})
            ANTI JOIN named ON {key} = named.k AND customer_id = named.holder
        )
        SELECT {ROW}, bool_or(holder IS NOT NULL) AS known,
            {_holder(contract)} AS owner
        FROM odd LEFT JOIN named USING (k) GROUP BY {ROW}
        """
    )
    tests = {
        reference.unknown: "NOT known",
        reference.other: "owner IS NOT NULL",
        reference.later: "known AND owner IS NULL",
    }
    notes = count_where(lake, OWNERS, tests)
    if contract.name == "claims":
        void = (
            f"(SELECT {ROW} FROM {TYPED} ANTI JOIN {BROKEN} USING ({ROW}) WHERE policy_id IN"
            f" (SELECT policy_id FROM read_parquet({named})"
            f" WHERE {LATEST} AND {VOID}))"
        )
        notes |= count_where(lake, void, {NO_TERM: "true"})
    return notes


def _holder(contract: Contract) -> str:
    """Write whose the thing was, as known when the row was recorded, as SQL.

    A movement may be recorded before its claim: it counts nowhere until the claim is known.
    """
    known = "arg_max(holder, told) FILTER (told <= recorded_at)"
    return known if contract.name == "claims" else f"coalesce({known}, arg_min(holder, told))"
