"""Keep the members of released lists in files, and read them back as they were released.

In: the places of a selection, releases of the records. Out: members, in the order of the list.
Read first: `members.py` (what is frozen), then `reading.py` (that it is what was released).
"""
