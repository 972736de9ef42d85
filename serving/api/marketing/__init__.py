"""Answer marketers and managers: lists, campaigns, measurement, reports.

In: requests under `/v1/lists`, `/v1/campaigns` and `/v1/reports`.
Out: JSON, streamed rows and files; every read and export is recorded.
Read first: `lists.py`.
"""
