"""Take deliveries day after day: which files are new, in what order they came, what has changed.

- `ledger`: what was delivered before, kept beside the raw tables.
- `files`: the files of a day, whole and not changing; which of them are read.
- `layouts`, `renames`, `drift`: how a delivery differs from those before, and what to write.
- `lock`: one run at a time.
"""
