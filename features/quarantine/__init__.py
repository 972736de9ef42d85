"""Give quarantined rows a way back: count them, write them to a workbook, take it back corrected.

- In: `<home>/quarantine/`, and the workbook that people have corrected.
- Out: the workbook; corrected rows in `<home>/raw/`; `quarantine/settled.parquet`.
- Read first: `waiting.py`, what a waiting row is; then `workbook.py` and `replay.py`.
"""
