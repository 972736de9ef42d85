"""Say who asks, for what and of which branches: bearer tokens, scopes, public keys.

In: a token and the keys of its issuer.
Out: a caller with scopes and branches, or a refusal.
Read first: `access.py`, every endpoint with its scope.
"""
