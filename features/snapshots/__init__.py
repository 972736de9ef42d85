"""Compute the tags of a date and publish them as one snapshot, whole or not at all.

In: checked tables, the catalogue, an earlier snapshot to start from.
Out: `<home>/tags/<group>/as_of=<D>.parquet` bound by `<home>/snapshots/<D>.json`.
Read first: `compute.py`; then `incremental.py`, which customers are computed anew.
"""
