"""Measure the quality of a snapshot: distributions, drift, broken bounds.

In: two snapshots, the quarantine, `quality.toml`.
Out: `<home>/quality/as_of=<D>.json`, Parquet and an HTML page.
Read first: `assess.py`.
"""
