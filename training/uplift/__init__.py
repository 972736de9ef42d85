"""Learn what a treatment adds to renewals, from customers drawn by lot.

In: assignments, renewals and tags before the draw.
Out: `<home>/effects/<treatment>/`: effect, bound and measures.
Read first: `study.py`. Only `truth.py` reads the simulation's truth, and only to compare.
"""
