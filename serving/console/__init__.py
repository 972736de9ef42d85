"""Show the console: pages for marketers, managers, stewards, data scientists and compliance.

In: requests of a browser with a session cookie, under `/console`.
Out: HTML from templates; what a page shows comes from the rooms before this one.
Read first: `route.py` (session, scope, forms), then `pages/today.py`.
"""
