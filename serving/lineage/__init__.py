"""Follow data from raw columns to tags, segments, models, lists and touchpoints, and back.

In: the declarations of tags, segments, models, lists and touchpoints.
Out: a graph of what is computed from what, and OpenLineage events.
Read first: `graph.py`.
"""
