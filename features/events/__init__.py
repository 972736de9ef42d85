"""Accept events of the day: a claim is reported, a quote is viewed.

In: one event as JSON, and the checked tables it refers to.
Out: a row in the inbox `<home>/events.db`, there before the sender is answered.
Read first: `event_types.py`, what can happen.
"""
