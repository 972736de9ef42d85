"""Check requests before anybody looks at what they ask for.

In: bytes of a connection.
Out: whole requests within limits, with texts that can be stored; refusals of all others.
Read first: `limits.py`, then `request_limiter.py`.
"""
