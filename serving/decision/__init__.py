"""Decide at a touchpoint: which one contact now, by which channel, with what, or none.

In: one customer's tags, predictions, contact history, consents and candidates.
Out: one decision, recorded so that it can be replayed.
Read first: `core.py`, the pure decision; then `decider.py`.
"""
