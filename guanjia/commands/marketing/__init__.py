"""Commands of marketers and managers: lists, campaigns, measurement, reports.

In: options of the command line.
Out: calls into the rooms of `serving`, tables and files.
Read first: `lists.py`.
"""
