"""One function per tag: name, Chinese label, definition, unit, window and meaning of null."""
