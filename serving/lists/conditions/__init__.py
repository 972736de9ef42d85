"""Read conditions of lists by the names of a home, and count who meets them.

In: what somebody typed or a page built, the snapshot and the scores of a date.
Out: conditions over tags and scores; counts of them and of their parts; overlaps of lists.
Read first: `vocabulary.py`, then `counting.py`.
"""
