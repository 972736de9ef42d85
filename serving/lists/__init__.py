"""Write target lists (目标客户名单): who to contact first, with reasons.

In: scores, a condition, consents.
Out: a CSV file, noted in the records before it is handed out.
Read first: `target_lists.py`.
"""
