"""Declare the touchpoints (触点) and find who is due: purpose, trigger, channels, scripts.

In: `touchpoints.toml`, tags, events.
Out: who is due for which touchpoint, and the filled scripts.
Read first: `fields.py`, what a touchpoint states; then `triggers.py`.
"""
