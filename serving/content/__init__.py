"""Check what a message may say before it is sent, and a sample of messages afterwards.

In: a text, its channel, who sends it.
Out: a verdict with what was found and where.
Read first: `check.py`.
"""
