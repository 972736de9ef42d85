"""Evaluate a model: figures with intervals, peers, slices, fairness, profit, report and card.

In: a bundle and the rows it never learned from.
Out: an assessment, written as report, model card and tables.
Read first: `assessment.py`. Only `truth.py` reads the simulation's truth, and only to compare.
"""
