"""Run the service: put the API and the console together, load what requests need.

In: a home and its settings.
Out: a worker of BentoML that answers.
Read first: `service.py`, then `start.py`.
"""
