"""Decide which contact to make with a customer now, if any: touchpoint, channel and offer.

In: one customer's tags, predictions, contact history, consents and candidates.
Out: one decision, recorded so that it can be replayed.
Read first: `decider.py` (gather, settle, write); then `core.py`, the pure decision.
"""
