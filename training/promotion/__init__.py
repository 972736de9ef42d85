"""Decide whether a challenger becomes champion.

In: two versions and a cohort of outcomes that what was judged of either never saw.
Out: verdicts of the gates, the alias `champion`, and a record of who promoted what, and why.
Read first: `promote.py`, then `gates.py`.
"""
