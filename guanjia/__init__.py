"""The composition root: the command line, and the jobs that call several rooms. Nothing imports it.

In: commands and their options. Out: calls into the rooms, tables and messages on screen.
Read first: `guanjia/cli.py`.
"""

ROOMS = ("terminal", "jobs", "commands", "")
"""Rooms in order: a room imports only rooms that stand before it; "" is this folder itself."""
