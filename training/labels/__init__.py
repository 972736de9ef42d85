"""Label past predictions with outcomes, only where the outcome can no longer change.

In: checked tables and the date by which outcomes are known.
Out: rows (customer, as of) with the outcome.
Read first: `questions.py`.
"""
