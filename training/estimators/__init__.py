"""Fit and apply estimators: encoding, linear part, trees, calibration, and their bundle.

In: a frame of features with outcomes; a bundle's folder.
Out: fitted models, and predictions with contributions.
Read first: `candidates.py`, then `bundle.py`.
"""
