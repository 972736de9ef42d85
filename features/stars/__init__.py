"""Rate customers: value, tenure, star (星级), and the entitlements (权益) a star allows.

In: checked policies, claims and entitlements, `<home>/star.toml`.
Out: star, value and tenure by customer and date, with the arithmetic of one of them.
Read first: `value.py`, the rule.
"""
