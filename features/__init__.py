"""The feature store: raw tables in, dated tags, stars and Feast views out."""

import os

# OpenMP reads this when LightGBM or scikit-learn loads it. By default its idle threads spin; where
# another process wants the same cores, training then takes twenty times as long and more.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
