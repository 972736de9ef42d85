"""Judge experiments: power, looks, effects, claims; numbers in, numbers out.

In: counts, sums, outcomes and assignments as plain arrays.
Out: effects with intervals, boundaries, shares of holdouts, verdicts; no file, no table, no clock.
Read first: `power.py`, then `effects.py`.
"""
