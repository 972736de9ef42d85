"""Show to Prometheus what all processes of the service counted, and how old what they read is.

In: metrics of `telemetry`, dates of files of the home, decisions and contacts of today.
Out: `/metrics` on a port of its own.
Read first: `gauges.py`.
"""
