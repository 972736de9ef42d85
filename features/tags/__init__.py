"""Declare the tags (标签): each a function with a label, definition, unit, window, null meaning.

In: relations of `features.lake`, one row an event of a customer.
Out: the catalogue of all tags, and `docs/tags.md`.
Read first: `declare.py`, what a tag is; then any file of `groups/`.
"""
