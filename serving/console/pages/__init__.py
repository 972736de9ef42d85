"""Answer the requests of the console, a file a page.

In: requests that `serving.console.route` let in.
Out: pages, parts of pages, files.
Read first: `today.py`.
"""
