"""Shares, and the preferred one of several: the code with the highest count or share."""

from collections.abc import Mapping

import ibis
import ibis.expr.types as ir

FEWEST_CONTACTS = 3
"""A response share of fewer contacts tells more of chance than of the customer."""


def highest(scores: Mapping[str, ir.Value]) -> ir.Value:
    """The code with the highest score; the first of equals; null if none is above 0.

    Parameters
    ----------
    scores : Mapping[str, ibis Value]
        Code -> count or share; null counts as 0.
    """
    filled = {code: score.fill_null(0) for code, score in scores.items()}
    best = ibis.greatest(*filled.values())
    equal = [((score == best) & (best > 0), code) for code, score in filled.items()]
    return ibis.cases(*equal, else_=ibis.null("string"))


def share_of(part: ir.Value, whole: ir.Value) -> ir.Value:
    """part / whole as a float; null where the whole is 0."""
    return (whole > 0).ifelse(part.cast("float64") / whole, ibis.null("float64"))


def response_share(contacts: ir.Table, chosen: ir.Value, fewest: int = 1) -> ir.Value:
    """Response share of the chosen contacts that we made; null where they are fewer."""
    made = contacts.count(where=chosen & contacts.outbound)
    responses = contacts.count(where=chosen & contacts.outbound & contacts.responded)
    return (made >= fewest).ifelse(responses.cast("float64") / made, ibis.null("float64"))
