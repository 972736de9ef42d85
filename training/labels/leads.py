"""Days before the expiry of a term at which its renewal is asked about: the rule, written once."""

LEAD_DAYS = "lead_days"
"""The column of labels, and the feature of models, that says how many days they were."""
LEADS = (60, 30, 15, 7)
"""What models learn from; nearer to the expiry or farther from it nothing is known of them."""
SHORTEST_LEAD, LONGEST_LEAD = min(LEADS), max(LEADS)
