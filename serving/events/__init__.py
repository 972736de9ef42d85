"""Accept events over HTTP and find the touchpoints they make due.

In: events as JSON.
Out: inbox rows, fresh online tags, due touchpoints.
Read first: `service.py`.
"""
