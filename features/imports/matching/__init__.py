"""Match headings and cells of a source with the columns of raw tables.

- In: sources as texts, whole headings (`synonyms.toml`) and words of headings (`words.toml`).
- Out: the tables of a mapping, each column "sure" or "look".
- Read first: `matcher.py`; then `words.py`, how a heading is read, and `completing.py`.
"""
