"""Watch champions after promotion: what ripened since, and who is asked now.

In: champions, later outcomes, the latest snapshot.
Out: `<home>/monitoring/as_of=<D>.json`: figures, alerts, what to do.
Read first: `watch.py`.
"""
