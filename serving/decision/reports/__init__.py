"""Report on many decisions: what was decided, and what choices depend on.

In: the records, or customers of the latest snapshot.
Out: counts for people; nothing is reserved or recorded.
Read first: `summary.py`.
"""
