"""Choose whom to contact first: target lists (目标客户名单), previewed, explained and released.

In: definitions, scores and tags of a date, consents and contacts of the records.
Out: previews; releases, which are a row of the records and a file of members; CSV files.
Read first: `selection.py`, then `places.py` and `gatekeeper.py`.
"""
