"""The commands, a module for each room they call; `guanjia.cli` registers them."""
