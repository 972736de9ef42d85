"""Read options and print results, for all commands.

In: options as typed, results of the rooms.
Out: a lake, dates and records to work with; tables, JSON and progress on screen.
Read first: `options.py`, then `output.py`.
"""
