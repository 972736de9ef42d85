"""Keep one account (客户账户) per customer: premium, claims, cost and profit together.

In: checked tables and a period.
Out: entries by rule, and their sums by customer, manager or branch.
Read first: `account.py`.
"""
