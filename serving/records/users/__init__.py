"""Keep the users of the console: their roles and passwords, and the sessions they have open.

In: what `guanjia user` and the login page ask for.
Out: rows of the records; passwords and session cookies are kept as hashes alone.
Read first: `users.py`.
"""
