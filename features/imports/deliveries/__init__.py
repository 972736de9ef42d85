"""Take deliveries day after day: which files are new, in what order they came, what has changed.

- In: the files of a day, the mapping, and the ledger of the deliveries before.
- Out: the rows of the day in the engine, since when they are known, and how they are not as before.
- Read first: `intake.py`, then `drift.py`.
"""
