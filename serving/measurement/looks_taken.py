"""Keep the looks that were taken at a campaign, and tell whether one more is planned by now.

Looks are planned by ripe members: with three of them the first is due once a third is ripe. Before
that no effect is shown, unless somebody peeks: what is beyond the plan, between its looks or after
them, gets the always-valid interval and spends nothing of the plan.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, insert, select

from serving.records.campaign_tables import campaign_looks
from training.experiments.looks import LookPlan

_l = campaign_looks.c
ROUNDING = 1e-9


@dataclass(frozen=True)
class TakenLook:
    """A look that was taken.

    Attributes
    ----------
    as_of : date
        Date of its figures.
    number : int or None
        Which of the planned ones; None: beyond the plan.
    information : float
        Share of the planned information.
    claimed : bool
        Whether its interval lay above 0.
    """

    as_of: date
    number: int | None
    information: float
    claimed: bool


def read_looks(connection: Connection, campaign: str) -> list[TakenLook]:
    """Read the looks at a campaign, in the order of their dates."""
    query = select(_l.as_of, _l.number, _l.information, _l.claimed)
    query = query.where(_l.campaign == campaign).order_by(_l.as_of)
    return [TakenLook(*row) for row in connection.execute(query)]


def write_look(
    connection: Connection, campaign: str, look: TakenLook, by: str, at: datetime
) -> None:
    """Keep a look, unless one of its date is kept already.

    Parameters
    ----------
    connection : Connection
        Of `Records.writing()`.
    campaign : str
        The campaign.
    look : TakenLook
        The look.
    by : str
        Who looked.
    at : datetime
        Now.
    """
    there = select(_l.as_of).where(_l.campaign == campaign, _l.as_of == look.as_of)
    if connection.execute(there).first() is None:
        row = vars(look) | {"campaign": campaign, "looked_at": at, "looked_by": by}
        connection.execute(insert(campaign_looks), row)


def next_share(plan: LookPlan, looks: Sequence[TakenLook], as_of: date) -> float | None:
    """Return the share of ripe members at which the next look is due.

    Parameters
    ----------
    plan : LookPlan
        The planned looks.
    looks : sequence of TakenLook
        Looks taken so far.
    as_of : date
        Date of the figures that are asked for.

    Returns
    -------
    float or None
        None: a look of this date was taken already, or all planned ones were.

    Examples
    --------
    >>> round(next_share(LookPlan(4), [], date(2026, 9, 1)) or 0, 4)
    0.25
    """
    planned = [look for look in looks if look.number is not None]
    before = [look for look in planned if look.as_of < as_of]
    if any(look.as_of == as_of for look in planned) or len(before) >= plan.looks:
        return None
    if any(look.information >= 1 for look in before):
        return None
    return plan.fractions[len(before)] - ROUNDING
