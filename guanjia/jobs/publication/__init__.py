"""Publish a day of a home: gather its files, load its online rows, audit both, move the pointer.

In: what the steps of a day wrote, and the bounds of `publish.toml`.
Out: `<home>/published/<generation>/`, a slot of the online store, and the pointer that names both.
Read first: `publish.py`.
"""
