"""Report what a manager reads on Monday, and how service, stars and relationships moved.

In: checked tables, scores and champions, as they were known at a date; `report.toml`.
Out: figures with definition, denominator and interval; page, messages, CSV and workbook.
Read first: `terms.py`, the table under all figures; then `monday.py`.
"""
