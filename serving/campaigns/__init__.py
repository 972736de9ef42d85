"""Keep campaigns: who was drawn into which arm, whether it can be judged, what desks send back.

In: members of a released list, a plan with arms, looks and bounds; files of outcomes.
Out: rows of the records, which `/decide` and the measurement read.
Read first: `plan.py`, then `planning.py`.
"""
