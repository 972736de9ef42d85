"""Evaluate a condition over the rows of a pandas frame, as training does for eligibility.

The frame need not have the types of the tags: in training yes is 1.0 and unknown is NaN, and DuckDB
reads both as intended.
"""

from functools import cache, lru_cache

import duckdb
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from features.conditions import compile_condition, mentioned
from features.progress_bar import hide_progress_bar


def rows_where(where: str, frame: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Mark the rows for which the condition holds, shape (rows,); False where that is unknown.

    Raises
    ------
    GuanjiaError
        If the text is no condition (`features.conditions`) or names a column that the frame lacks.

    Examples
    --------
    >>> frame = pd.DataFrame({"star_level": [3, 5, None], "opted_out": [0.0, 1.0, None]})
    >>> rows_where("star >= 3 and not opted_out", frame).tolist()
    [True, False, False]
    """
    sql, names = _compiled(where, frozenset(frame.columns))
    rows = pa.Table.from_pandas(frame[list(names)], preserve_index=False)
    cursor = _engine().cursor()
    try:
        cursor.register("frame_rows", rows)
        answer = cursor.execute(
            f"SELECT coalesce(({sql})::BOOLEAN, false) AS holds FROM frame_rows"
        )
        return np.asarray(answer.fetchnumpy()["holds"], bool)
    finally:
        cursor.close()


@lru_cache(maxsize=256)
def _compiled(where: str, columns: frozenset[str]) -> tuple[str, tuple[str, ...]]:
    """Compile the condition to SQL and list the columns to pass: at least one, to have rows."""
    names = mentioned(where, columns)
    return compile_condition(where, columns), tuple(names or sorted(columns)[:1])


@cache
def _engine() -> duckdb.DuckDBPyConnection:
    """Open a database in memory; a single thread keeps the order of the rows."""
    engine = duckdb.connect(config={"threads": 1, "enable_external_access": False})
    hide_progress_bar(engine)
    return engine
