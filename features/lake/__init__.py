"""Open the files of a home and read them as they were known at a date.

In: the folder `GUANJIA_HOME` and its settings.
Out: `Lake`, the spine of (customer, as of, cutoff), and relations without rows from the future.
Read first: `connection.py`, where everything lies; then `known_at.py`, the rule of what was known.
"""

from features.lake.connection import BATCH, Lake, Moments, Opener
from features.lake.published_lake import ServedLake, published_lake
from features.publishing import sha256_of

__all__ = ["BATCH", "Lake", "Moments", "Opener", "ServedLake", "published_lake", "sha256_of"]
