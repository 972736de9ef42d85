"""Decide at a touchpoint: which one contact now, by which channel, with what, or none.

In: one customer's tags, predictions, contact history, consents and candidates.
Out: one decision, recorded so that it can be replayed.
Read first: `decider.py`, gather, settle, write; then `core.py`, the pure decision.
"""
