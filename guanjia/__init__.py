"""The composition root: the command line, the demo, the daily run. Nothing imports it."""
