"""Keep campaigns: who was drawn into which arm, who is held out, for any date.

In: members of a released list, a plan with arms, looks and power.
Out: rows of the records, which `/decide` and the measurement read.
Read first: `plan.py`.
"""
