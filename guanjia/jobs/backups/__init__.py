"""Back a home up while it is in use, and restore it on another path or machine.

In: a home; a backup, a list of erasures made since.
Out: a folder or tar file with a manifest of hashes; a home that is as it was, without the erased.
Read first: `backup.py`, then `restore.py`.
"""
