"""Declare how many days before the expiry of a term models predict its renewal."""

LEAD_DAYS = "lead_days"
"""Name of the column of labels, and of the feature of models, with the days before expiry."""
SHORTEST_LEAD, LONGEST_LEAD = 0, 60
"""Models learn from these days and those between; they say nothing outside of this range."""
STRATA = ((0, 2), (3, 6), (7, 14), (15, 29), (30, 60))
"""First and last day of the parts of the range. A term is asked about on one day of each, drawn by
its number: the nearer the expiry, the faster the answer changes and the denser are the days."""
BENDS = (1, 2, 4, 8, 16, 24, 40)
"""Days before expiry at which the linear part may bend: who has not signed by then is ever less
likely to, faster towards the end."""
SEED = 7
