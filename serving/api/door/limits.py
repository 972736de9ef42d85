"""Limits of a request, as the API document declares them; the process that imports it stays light.

1,000 customer numbers of 64 characters fit into a body in whatever way JSON writes them: 770 kB,
where each character is two escapes.
"""

LARGEST_HEAD = 32 * 1024
"""Bytes of address and headers together."""
LONGEST_ADDRESS = 8 * 1024
"""Bytes of path and query."""
LONGEST_TOKEN = 8 * 1024
"""Characters of a bearer token."""
LARGEST_BODY = 2 * 1024 * 1024
"""Bytes of a body."""
HEAD_SECONDS = 30
"""Within which a head must have arrived; a connection without a request is closed after them."""
BODY_SECONDS = 30
"""Within which a body must have arrived after its head."""
MOST_SECONDS = 120
"""Within which an answer begins: 1,000 customers with reasons took 20 s on two shared cores."""
