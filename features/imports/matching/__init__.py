"""Match headings and cells of a source with the columns of raw tables.

- In: sources as texts, and the words of `synonyms.toml`.
- Out: the tables of a mapping, each column "sure" or "look".
- Read first: `matcher.py`, then `completing.py`.
"""
