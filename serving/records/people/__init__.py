"""Record what people may and did: consents, reviews, handovers, access, erasures.

In: requests of customers and staff.
Out: rows that prove them.
Read first: `consents.py`.
"""
