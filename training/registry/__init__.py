"""Store models: runs and versions in MLflow, bundles in the home, the champion that serves.

In: bundles and their evidence.
Out: verified local folders; aliases `champion` and `challenger`.
Read first: `versions.py`, then `champions.py`.
"""
