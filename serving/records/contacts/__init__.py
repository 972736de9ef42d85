"""Record contacts: caps, reservations, outcomes, contacts of other systems, decisions.

In: a decision or an outcome.
Out: rows, and the contact history that the caps count.
Read first: `contact_caps.py` (the rules), then `caps.py`.
"""
