"""Define the tags, a module for each subject; a group may fill several modules.

In: relations and the tags declared before.
Out: tags, registered in their `TagGroup`.
Read first: `claims.py`, a short one.
"""
