"""Record acts of customers and staff: consents, reviews, handovers, access, erasures.

In: requests of customers and staff.
Out: rows that prove them.
Read first: `consents.py`.
"""
