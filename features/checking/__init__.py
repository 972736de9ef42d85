"""Check raw rows against their contracts.

In: `<home>/raw/` and the event inbox.
Out: `<home>/checked/` (good rows) and `<home>/quarantine/` (bad rows with every reason).
Read first: `check.py`.
"""
