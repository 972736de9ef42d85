"""Decide a month of recorded decisions again under other rules, and tell what differs.

In: decisions and contacts of the records, edited policy, caps, capacity and touchpoints.
Out: contacts, expected yuan and silence of both worlds, by gate.
Read first: `policy_simulation.py`.
"""
