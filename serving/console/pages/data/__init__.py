"""Show how the data came, what was held back, how good they are, and what was published.

In: the ledger of deliveries, quarantine, reports of quality, the record of publications.
Out: the pages under `/console/data`.
Read first: `overview.py`.
"""
