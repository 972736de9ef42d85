"""Report what a manager reads on Monday: the renewal funnel, offices, prices, stars, service.

In: checked tables, scores, stars and the records as they were known at a date.
Out: figures with definition, denominator and interval.
Read first: `funnel.py`.
"""
