"""Show the plan of an import as one page in Chinese, for an insurer's data people.

- In: a plan, and what is missing with its cost.
- Out: `mapping.html`, which needs no network.
- Read first: `page.py`; `chinese.toml` has the sentences.
"""
