"""Name the characters that texts from outside may not contain."""

import re

UNFIT = re.compile("[\0\ud800-\udfff]")
"""NUL, and half a surrogate pair, which no UTF-8 can write: neither can be stored."""
CONTROL = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Characters that would forge lines of logs and lists, and `UNFIT`."""
