"""Run one step of a day, and say what it reads, so that an unchanged step is passed over.

In: a day: home, records, date, settings.
Out: what the step wrote, in a sentence of each language, with its findings.
Read first: `step.py`, then `order.py`.
"""
