"""Count, log and trace what the service does, without naming a customer.

In: what other rooms do.
Out: metrics, log lines and spans.
Read first: `metrics.py`.
"""
