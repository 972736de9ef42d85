"""Keep operational records: decisions, contacts, outcomes, consents, access, reviews.

In: what the API and commands did.
Out: rows in SQLite or Postgres (docs/records.md).
Read first: `tables.py`, then `database.py`.
"""
