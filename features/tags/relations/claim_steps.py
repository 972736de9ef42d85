"""Compute the days of each step of the claims chain 报案-查勘-定损-理算-赔付, and overdue steps."""

import ibis
import ibis.expr.types as ir

from features.lake.known import days_ago
from features.tags.relations.claims_standards import STEPS, ClaimsStandards

DAYS = ("occurred_on", "reported_on", "surveyed_on", "assessed_on", "adjusted_on", "paid_on")
"""The day before the first step, and the day of each step of `STEPS`."""


def with_steps(rows: ir.Table, standards: ClaimsStandards) -> ir.Table:
    """Add to claims the days and the punctuality of each step, and the stage they have reached.

    Parameters
    ----------
    rows : ibis.Table
        Claims with `as_of`, and null for steps not taken by then.
    standards : ClaimsStandards
        Days that each step may take.

    Returns
    -------
    ibis.Table
        `rows` with, for each step, `<step>_days` (since the step before; null if either is missing)
        and `<step>_in_time` (likewise); `open`; `stage`, the last step taken; `stage_days_ago`; and
        `overdue`, true if an open claim has waited for its next step longer than the standard.
    """
    injured = rows.injury.fill_null(False)
    standard = {step: standards.standard_for(step) for step in STEPS}
    allowed = {
        step: injured.ifelse(standard[step].injury_days, standard[step].property_days)
        for step in STEPS
    }
    columns = {}
    for step, before, day in zip(STEPS, DAYS, DAYS[1:], strict=False):
        days = rows[day].delta(rows[before], unit="day").cast("int64")
        columns[f"{step}_days"] = days
        columns[f"{step}_in_time"] = days <= allowed[step]
    stages = [(rows[day].notnull(), step) for step, day in zip(STEPS[1:], DAYS[2:], strict=True)]
    waits = [
        (rows[day].notnull(), allowed[step]) for day, step in zip(DAYS[2:], STEPS[2:], strict=False)
    ]
    rows = rows.mutate(
        **columns,
        open=rows.closed_at.isnull() & (days_ago(rows, "reported_on") >= 0),
        stage=ibis.cases(*reversed(stages), else_="report"),
        stage_on=ibis.coalesce(*(rows[day] for day in reversed(DAYS[1:]))),
        allowed=ibis.cases(*reversed(waits), else_=allowed["survey"]),
    )
    rows = rows.mutate(stage_days_ago=days_ago(rows, "stage_on"))
    # Paid but not closed: no step is left to wait for.
    waiting = rows.open & rows.paid_on.isnull()
    return rows.mutate(overdue=waiting & (rows.stage_days_ago > rows.allowed))
