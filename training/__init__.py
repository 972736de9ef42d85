"""Train, evaluate, register, promote and monitor models.

In: checked tables and tags of `features`. Out: bundles of models and their evidence in the
registry, reports, effects of treatments, clusters, monitoring.
Read first: `training/models.py` (the models as declarations), then `training/fitting/train.py`.
"""

ROOMS = (
    "experiments",
    "labels",
    "estimators",
    "",
    "registry",
    "evaluation",
    "clusters",
    "fitting",
    "promotion",
    "uplift",
    "frames",
    "monitoring",
)
"""Rooms in order: a room imports only rooms that stand before it; "" is this folder itself."""
