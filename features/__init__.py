"""The feature store: raw tables come in; dated tags, stars, segments and online rows go out.

In: files of raw tables under `<home>/raw/` and events of the day. Out: snapshots of tags, ratings,
segments, quality reports, and the online store that serving reads.
Read first: `features/lake/connection.py` (where everything lies), then `features/tags/declare.py`.
"""

ROOMS = (
    "contracts",
    "lake",
    "events",
    "stars",
    "sources",
    "checking",
    "imports",
    "quarantine",
    "accounts",
    "tags",
    "dictionary",
    "condition_forms",
    "snapshots",
    "erasure",
    "segments",
    "quality",
    "online",
)
"""Rooms in order: a room imports files of this folder and the rooms listed before it."""
