"""Serve the HTTP API: one module per resource, and the checks before every request.

In: requests with a bearer token.
Out: JSON answers; 4xx that say what to change.
Read first: `app.py`, then `guard.py`.
"""
