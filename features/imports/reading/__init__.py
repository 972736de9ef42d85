"""Read files of any encoding and layout as tables of texts, with every line accounted for.

- In: text files, workbooks and Parquet files of a folder, or the URL of a database.
- Out: sources that say how each is read, and views of texts in the engine.
- Read first: `describe.py`, how a layout is found; then `text_tables.py`, what is read.
"""
