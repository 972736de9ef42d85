"""Define lists: what they ask for, versions with author and date, how two versions differ.

In: a TOML or JSON file, or the body of a request.
Out: rows of the records, one a version.
Read first: `definition.py`.
"""
