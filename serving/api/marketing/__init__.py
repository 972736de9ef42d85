"""Answer marketers and managers: campaigns and what they added.

In: requests under `/v1/campaigns`.
Out: JSON; reads of customers are recorded.
Read first: `campaigns.py`.
"""
