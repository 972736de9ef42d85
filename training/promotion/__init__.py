"""Decide whether a challenger becomes champion.

In: two versions and a cohort of outcomes that neither learned from.
Out: verdicts of the gates, the alias `champion`, acts with who and why.
Read first: `promote.py`, then `gates.py`.
"""
