"""Read what holds a call back beside the tags: refusals at our touchpoints, and the holdout."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from features.lake import Lake
from serving.decision.lots import in_holdout
from serving.decision.worth.policy import load_policy
from serving.records.database import Records
from serving.records.people.consents import Refusals, read_refusals


@dataclass(frozen=True)
class CallGates:
    """Whom nobody calls.

    Attributes
    ----------
    refused : Refusals
        Customers who refused at our touchpoints.
    in_holdout : callable of (str) to bool
        Says which customers are in the holdout.
    """

    refused: Refusals
    in_holdout: Callable[[str], bool]


def read_call_gates(lake: Lake, records: Records, as_of: date, at: datetime) -> CallGates:
    """Read the gates of the week after a date.

    Parameters
    ----------
    lake : Lake
        The home, with its policy.
    records : Records
        Where refusals are recorded.
    as_of : date
        The date of the report; calls are made from the day after on.
    at : datetime
        The current time (UTC); refusals up to then count.
    """
    with records.reading() as connection:
        refused = read_refusals(connection, at)
    policy = load_policy(lake.home)
    cycle = policy.cycle(as_of + timedelta(days=1))
    return CallGates(
        refused,
        lambda customer: in_holdout(policy.salt, customer, cycle, policy.holdout_share),
    )
