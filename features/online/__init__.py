"""Keep the tags of now online for serving, through Feast.

In: a snapshot, and events of the day.
Out: one packed row a customer and view, in SQLite or Redis.
Read first: `feast_client.py`; `model_tags.py` lists the tags that models read.
"""
