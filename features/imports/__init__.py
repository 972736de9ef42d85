"""Import an insurer's exports: files of any core system become raw tables by one `mapping.toml`.

- In: a folder of CSV files, workbooks and Parquet files, or a database, and the mapping that says
  what they hold.
- Out: a plan of what was understood, and `<home>/raw/<table>/`, all tables together.
- Read first: `mapping.py`, what a mapping says; then `plan.py` and `run.py`.
"""
