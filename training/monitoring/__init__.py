"""Champions watched after they were promoted: what ripened since, and what is asked now.

Only what a champion never saw is looked at, and only what was known by the date that is named.
"""
