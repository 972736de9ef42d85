"""Declare how many days before the expiry of a term models predict its renewal."""

LEAD_DAYS = "lead_days"
"""Name of the column of labels, and of the feature of models, with the days before expiry."""
LEADS = (60, 30, 15, 7)
"""Days before expiry that models learn from; they say nothing outside of this range."""
SHORTEST_LEAD, LONGEST_LEAD = min(LEADS), max(LEADS)
