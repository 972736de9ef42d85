"""SQL of tags, compiled once a process.

To turn the expressions of several hundred tags into SQL takes seconds, to run it on a few customers
a fraction of one. The SQL depends on the definitions, on which raw tables there are and on the form
of the spine, but neither on the dates, which it reads from the session (`Lake.moments`), nor on the
paths of the tables, which it reads by name. So it is kept.
"""

from collections.abc import Callable

import ibis.expr.types as ir

from features.contracts.tables import CONTRACTS
from features.lake import Lake

LARGEST = 2_000
_kept: dict[tuple[object, ...], str] = {}


def compiled(lake: Lake, key: tuple[object, ...], build: Callable[[], ir.Table]) -> str:
    """The SQL of `build()`, or what it was for the same key and the same raw tables.

    Parameters
    ----------
    key : tuple
        All that the expression depends on besides the raw tables that there are.
    """
    full = (lake.name, *key, *(name for name in CONTRACTS if lake.has(name)))
    if full not in _kept:
        if len(_kept) >= LARGEST:
            _kept.clear()
        _kept[full] = lake.sql(build())
    return _kept[full]
