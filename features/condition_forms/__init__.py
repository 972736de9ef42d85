"""Read a condition as people type it or as a page builds it, and write it in every other form.

In: a text such as `渠道 = 代理 且 星级 ≥ 3`, or nested groups as JSON, and a vocabulary of columns.
Out: a structure, its plain English form (`features.conditions`), its Chinese form, its JSON.
Read first: `structure.py`, then `vocabulary.py` and `reader.py`.
"""
