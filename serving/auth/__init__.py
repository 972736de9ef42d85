"""Authenticate callers by bearer tokens: who they are, their scopes and branches.

In: a token and the keys of its issuer.
Out: a caller with scopes and branches, or a refusal.
Read first: `access.py`, every endpoint with its scope.
"""
