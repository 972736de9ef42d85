"""Export the rows of a list: CSV, Excel, Parquet, JSON, written or streamed row by row.

In: columns with their kinds, rows of values, and how the list was made.
Out: a file published at once, or a stream of bytes; every row bears the number of its export.
Read first: `columns.py`, then `files.py`.
"""
