"""Measure what campaigns, all contact and another policy are worth.

In: campaigns, contacts, outcomes and decisions of the records, labels that are ripe.
Out: effects in renewals and yuan with intervals, verdicts in words, campaigns stopped for harm.
Read first: `campaign.py`, then `figures.py`.
"""
