"""How good a model is: figures with intervals, peers, slices, fairness, profit, report and card.

Only `training.evaluation.truth` reads the simulation's truth, and only to compare.
"""
