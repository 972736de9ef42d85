"""Serve HTTP: one module a resource, and what every request passes before it.

In: requests with a bearer token.
Out: JSON answers; 4xx that say what to change.
Read first: `app.py`, then `guard.py`.
"""
