"""Value a contact in yuan: what it changes, what that is worth, what it costs.

In: a candidate, the customer's tags and predictions, and the policy of the home.
Out: the expected value with every part of its sum.
Read first: `value.py`; the numbers are in `policy.toml`.
"""
