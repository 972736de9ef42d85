"""Answer predictions: probabilities, amounts, stars and reasons, for one customer or all.

In: champions and tags, online or of a snapshot.
Out: predictions with the models' versions; `<home>/scores/`.
Read first: `service.py`, then `probabilities.py`.
"""
