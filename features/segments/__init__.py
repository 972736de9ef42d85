"""Put customers into the segments (客户分群) that are declared in `segments.toml`.

In: a snapshot and the declarations, shipped and of the home.
Out: `<home>/segments/as_of=<D>.parquet`, sizes, overlaps, movements.
Read first: `settings.py`, then `segments.py`.
"""
