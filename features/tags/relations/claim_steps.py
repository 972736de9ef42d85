"""The claims chain 报案-查勘-定损-理算-赔付 of each claim: days of each step, and what is due."""

import ibis
import ibis.expr.types as ir

from features.lake.known import days_ago
from features.tags.relations.claims_standards import STEPS, ClaimsStandards

DAYS = ("occurred_on", "reported_on", "surveyed_on", "assessed_on", "adjusted_on", "paid_on")
"""The day before the first step, and the day of each step of `STEPS`."""


def with_steps(rows: ir.Table, standards: ClaimsStandards) -> ir.Table:
    """Claims with what the chain says of them.

    Parameters
    ----------
    rows : ibis Table
        Claims with `as_of`, and null for steps not taken by then.
    standards : ClaimsStandards
        Days that each step may take.

    Returns
    -------
    ibis Table
        `rows` with, for each step, `<step>_days` (from the step before; null if either is missing)
        and `<step>_in_time` (null likewise); `open`; `stage`, the last step taken;
        `stage_days_ago`; and `overdue`, whether a claim that is open waits for its next step longer
        than the standard.
    """
    injured = rows.injury.fill_null(False)
    allowed = {
        step: injured.ifelse(standards.of(step).injury_days, standards.of(step).property_days)
        for step in STEPS
    }
    found = {}
    for step, before, day in zip(STEPS, DAYS, DAYS[1:], strict=False):
        days = rows[day].delta(rows[before], unit="day").cast("int64")
        found[f"{step}_days"] = days
        found[f"{step}_in_time"] = days <= allowed[step]
    stages = [(rows[day].notnull(), step) for step, day in zip(STEPS[1:], DAYS[2:], strict=True)]
    waits = [
        (rows[day].notnull(), allowed[step]) for day, step in zip(DAYS[2:], STEPS[2:], strict=False)
    ]
    rows = rows.mutate(
        **found,
        open=rows.closed_at.isnull() & (days_ago(rows, "reported_on") >= 0),
        stage=ibis.cases(*reversed(stages), else_="report"),
        stage_on=ibis.coalesce(*(rows[day] for day in reversed(DAYS[1:]))),
        allowed=ibis.cases(*reversed(waits), else_=allowed["survey"]),
    )
    rows = rows.mutate(stage_days_ago=days_ago(rows, "stage_on"))
    # Paid but not closed: no step is left to wait for.
    waiting = rows.open & rows.paid_on.isnull()
    return rows.mutate(overdue=waiting & (rows.stage_days_ago > rows.allowed))
