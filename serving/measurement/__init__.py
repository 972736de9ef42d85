"""Measure what contact, service and another policy are worth.

In: campaigns, contacts and outcomes of the records, services and lots, labels that are ripe.
Out: effects in renewals and yuan with intervals, and verdicts in words.
Read first: `service.py`.
"""
