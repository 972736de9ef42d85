"""Erase customers from every Parquet and CSV file of a home.

In: customer ids.
Out: the same files without their rows, and findings in files that are not ours.
Read first: `erase.py`.
"""
