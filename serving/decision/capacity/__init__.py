"""Price the capacity of branches, so that scarce contacts go where they are worth most.

In: the demand of a day and the capacity declared.
Out: shadow prices by branch and channel.
Read first: `prices.py`.
"""
