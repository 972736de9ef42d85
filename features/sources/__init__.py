"""Write raw tables: the simulated insurer and a public portfolio.

In: a seed and a number of customers, or the published CSV files.
Out: `<home>/raw/<table>/`; the simulation also writes `<home>/truth/`.
Read first: `simulation/simulate.py`.
"""
