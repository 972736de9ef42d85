"""Train models: frames, splits by time, choice of candidate, tuning, registration, repetition.

In: labels, tags and a `ModelSpec`.
Out: a registered challenger with its evaluation.
Read first: `train.py`, from top to bottom.
"""
