"""Decide when a policy term gave cover: the rules of its dates, written once.

Cover runs from `inception` to `expiry`, or to `cancelled_on` where the term was cancelled; the last
day is not covered. A term that was cancelled from its inception gave none: it never existed.

Each function takes policies with `inception`, `expiry` and `cancelled_on`, in the known version
(`features.lake.known_at`). `tests/contract/test_rules.py` fails where the rules are copied.
"""

import ibis.expr.types as ir

VOID = "cancelled_on <= inception"
"""SQL condition: the term was cancelled from its inception. What `existed` says, for policies."""

COVER_END = "coalesce(cancelled_on, expiry)"
"""SQL: the first day without cover. What `cover_end` says, for policies."""


def existed(terms: ir.Table) -> ir.BooleanValue:
    """Check which terms ever gave cover; False for a term cancelled from its inception."""
    return terms.cancelled_on.isnull() | (terms.cancelled_on > terms.inception)


def cover_end(terms: ir.Table) -> ir.DateValue:
    """Return the first day without cover: the day of cancellation, else the expiry."""
    return terms.cancelled_on.fill_null(terms.expiry)


def in_force(terms: ir.Table, day: ir.Value) -> ir.BooleanValue:
    """Check which terms gave cover on a day (a date or a column of dates); never null."""
    return (terms.inception <= day) & (cover_end(terms) > day)


def left_to_renew(terms: ir.Table) -> ir.BooleanValue:
    """Check which motor terms in force are neither cancelled nor renewed.

    Renewed: the vehicle's last motor term incepts later, and no earlier than 30 days before the end
    of cover.

    Parameters
    ----------
    terms : ibis.Table
        Rows of the relation `motor_terms`, with `in_force`, `cover_end` and `last_inception`.
    """
    ahead = terms.last_inception.delta(terms.cover_end, unit="day")
    renewed = (terms.last_inception > terms.inception) & (ahead >= -30)
    return terms.in_force & terms.cancelled_on.isnull() & ~renewed
