"""Build a condition as a tree of groups on a page, in step with its text.

In: the fields of a form, the vocabulary of conditions.
Out: a draft of groups and rows, its structure and text, and what the page shows of each.
Read first: `draft.py` (groups and rows), then `board.py` (one round of the form).
"""
