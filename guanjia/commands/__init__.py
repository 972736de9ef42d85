"""Run the commands, a module for each subject; `guanjia.cli` registers them.

In: options from the command line.
Out: what the command prints, and its exit code.
Read first: `tags.py`.
"""
