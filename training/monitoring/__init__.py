"""Watch champions after promotion: outcomes that ripened since, and drift of the questions.

In: champions, later outcomes, the latest snapshot.
Out: `<home>/monitoring/as_of=<D>.json`: figures, alerts, what to do.
Read first: `watch.py`.
"""
