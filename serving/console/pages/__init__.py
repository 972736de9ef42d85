"""Answer the requests of the console, a file a page."""
