"""Check what a message may say before it is sent, and a sample of messages afterwards.

In: a text, its channel, who sends it.
Out: a verdict with findings and their places.
Read first: `check.py`.
"""
