"""Express shares, and the code with the highest count or share among several."""

from collections.abc import Mapping

import ibis
import ibis.expr.types as ir

FEWEST_CONTACTS = 3
"""Contacts that a response share needs: with fewer it reflects chance, not the customer."""


def highest(scores: Mapping[str, ir.Value]) -> ir.Value:
    """Pick the code with the highest score; the first of equals; null if none is above 0.

    Parameters
    ----------
    scores : mapping of str to ibis number
        Code -> count or share; null counts as 0.
    """
    filled = {code: score.fill_null(0) for code, score in scores.items()}
    best = ibis.greatest(*filled.values())
    equal = [((score == best) & (best > 0), code) for code, score in filled.items()]
    return ibis.cases(*equal, else_=ibis.null("string"))


def share_of(part: ir.Value, total: ir.Value) -> ir.Value:
    """Divide `part` by `total` as floats; null where `total` is 0."""
    return (total > 0).ifelse(part.cast("float64") / total, ibis.null("float64"))


def response_share(contacts: ir.Table, chosen: ir.Value, fewest: int = 1) -> ir.Value:
    """Compute the share of chosen contacts by us that the customer responded to.

    Parameters
    ----------
    contacts : ibis.Table
        The relation `interactions`, with `outbound` and `responded`.
    chosen : ibis boolean
        Marks the contacts that count.
    fewest : int
        The share is null if there are fewer contacts.
    """
    outbound = contacts.count(where=chosen & contacts.outbound)
    responses = contacts.count(where=chosen & contacts.outbound & contacts.responded)
    return (outbound >= fewest).ifelse(responses.cast("float64") / outbound, ibis.null("float64"))
