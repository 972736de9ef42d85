"""Run a day: every step in order, in one process, with one file that says what became of it.

In: a home, a date, `<home>/daily.toml`.
Out: `<home>/days/<D>.json` and `<D>.html`; the day published, or a sentence why it is not.
Read first: `run.py`, then `steps/order.py`.
"""
