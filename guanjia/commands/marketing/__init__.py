"""Commands of marketers and managers: campaigns, measurement, other policies.

In: options of the command line.
Out: calls into the rooms of `serving`, tables and files.
Read first: `campaigns.py`.
"""
