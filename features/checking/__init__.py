"""Check raw rows against their contracts.

In: `<home>/raw/` and the event inbox; `check.toml`, the bounds of a delivery.
Out: `<home>/checked/` (good rows), `<home>/quarantine/` (bad rows with every reason), `check.json`.
Read first: `check.py`, then `table_check.py`.
"""
