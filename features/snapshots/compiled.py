"""Cache of the SQL of tags, compiled once a process.

Turning the expressions of several hundred tags into SQL takes seconds; running it on a few
customers takes a fraction of one. The SQL depends on the definitions, on which raw tables there are
and on the form of the spine. It does not depend on the dates, which it reads from the session
(`Lake.moments`), nor on the paths of the tables, which it reads by name. So it can be reused.
"""

from collections.abc import Callable

import ibis.expr.types as ir

from features.contracts.tables import CONTRACTS
from features.lake import Lake

LARGEST = 2_000
_queries: dict[tuple[object, ...], str] = {}


def compile_once(lake: Lake, key: tuple[object, ...], build: Callable[[], ir.Table]) -> str:
    """Compile an expression to SQL, or reuse the SQL of the same key and the same raw tables.

    Parameters
    ----------
    lake : Lake
        The home whose engine runs the SQL.
    key : tuple
        All that the expression depends on besides the raw tables that there are.
    build : callable of () to ibis Table
        Makes the expression; called only if its SQL is not in the cache.

    Returns
    -------
    str
        The SQL.
    """
    full_key = (lake.name, *key, *(name for name in CONTRACTS if lake.has(name)))
    if full_key not in _queries:
        if len(_queries) >= LARGEST:
            _queries.clear()
        _queries[full_key] = lake.sql(build())
    return _queries[full_key]
