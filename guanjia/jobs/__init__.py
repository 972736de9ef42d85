"""Run jobs that call several rooms in order: the demo, and handing out a list.

In: a lake and what the user asked for.
Out: files under the home folder, and a summary for the user.
Read first: `demo.py`.
"""
