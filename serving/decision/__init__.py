"""The decision at a touchpoint: which one contact now, how, with what, or none."""
