"""Show reports in Chinese: sections with tables, as page, messages, CSV and workbook.

In: a report as its room makes it.
Out: sections, and files made of them.
Read first: `sections.py`, then `files.py`.
"""
