"""State what each raw table holds: grain, key, event time, ranges, and rules as sentences.

In: nothing; contracts are declarations.
Out: classes that checking, the lake, events and the documents read.
Read first: `tables.py`, the contracts themselves.
"""
