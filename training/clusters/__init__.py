"""Learn a segmentation of customers with motor cover, and assign customers to it.

In: snapshots of tags.
Out: `<home>/clusters/`: the learned scaling and centres, and one row per customer.
Read first: `segmentation.py`.
"""
