"""Run a home day after day: the day, what is published, backups, lineage.

In: options from the command line.
Out: what the command prints, and its exit code.
Read first: the command that is needed.
"""
