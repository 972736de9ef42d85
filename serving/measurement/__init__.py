"""Measure what campaigns, all contact, service and another policy are worth.

In: campaigns, contacts, outcomes and decisions of the records, services and lots, ripe labels.
Out: effects in renewals and yuan with intervals, verdicts in words, campaigns stopped for harm.
Read first: `campaign.py` and `service.py`.
"""
