"""Serve models at touchpoints: predictions, decisions, target lists and the HTTP API.

In: snapshots and online tags of `features`, bundles of `training`. Out: answers over HTTP, lists as
files, and the operational records of what was decided, sent and answered.
Read first: `serving/api/app.py` (the endpoints), then `serving/decision/decider.py`.
"""

ROOMS = (
    "telemetry",
    "touchpoints",
    "content",
    "auth",
    "predictions",
    "records",
    "campaigns",
    "events",
    "decision",
    "lists",
    "lineage",
    "measurement",
    "reports",
    "exporter",
    "api",
    "console",
    "process",
)
"""Rooms in order: a room imports this package's own files and the rooms that stand before it."""
