"""What a treatment adds: effects learned from draws by lot, checked, measured, written down.

Only `training.uplift.truth` reads the simulation's truth, and only to compare.
"""
