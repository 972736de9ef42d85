"""Call LightGBM's library through its C interface (`LightGBM/c_api.h`), without its Python package.

The package imports scikit-learn, SciPy and pandas, which costs a second and more of processor
time. Training needs them anyway; prediction needs the library alone.
"""

import ctypes
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

FLOAT64 = 1
RAW_SCORE, CONTRIBUTIONS = 1, 3
SPLITS = 0
FROM_FIRST, ALL = 0, -1
"""Which trees predict: from the first, as many as there are."""
ROWS_PER_THREAD = 100_000
"""With fewer rows per thread, threads spend longer in busy waiting than in work."""


def call(function: str, *arguments: object) -> None:
    """Call a function of the library.

    Raises
    ------
    ValueError
        If the call fails, with LightGBM's message, or LightGBM is not installed.
    """
    loaded = library()
    if getattr(loaded, function)(*arguments):
        raise ValueError(loaded.LGBM_GetLastError().decode("utf-8", "replace"))


@cache
def library() -> Any:
    """Load the library once; it is shared with the Python package where that is imported.

    Raises
    ------
    ValueError
        If LightGBM is not installed.
    """
    package = find_spec("lightgbm")
    if package is None or package.origin is None:
        raise ValueError("LightGBM is not installed")
    (path,) = (Path(package.origin).parent / "lib").glob("lib_lightgbm.*")
    loaded = ctypes.CDLL(str(path))
    loaded.LGBM_GetLastError.restype = ctypes.c_char_p
    return loaded


def thread_count(rows: int, threads: int) -> int:
    """Choose how many of at most `threads` threads are worth starting for a number of rows.

    Examples
    --------
    >>> thread_count(20_000, 2), thread_count(250_000, 8)
    (1, 2)
    """
    return max(1, min(threads, rows // ROWS_PER_THREAD))
