"""Prepare the relations that tags aggregate: policy terms, claims, contacts, trips.

In: tables as known at a cutoff.
Out: one row an event, with its age in days and windows.
Read first: `relations.py`.
"""
