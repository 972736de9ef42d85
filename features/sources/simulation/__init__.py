"""Simulate seven years of an insurer, and apart from its tables the truth behind them.

In: a number of customers and a seed.
Out: raw tables, and the truth that only evaluation may read.
Read first: `simulate.py`; the figures and their sources stand in `calibration.py`.
"""
