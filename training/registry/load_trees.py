"""Load a file of trees with LightGBM's library alone, and ask it about rows of nothing but nulls.

LightGBM ends the process on a damaged file, so `training.registry.load_check` runs this in one of
its own. The library is called as it is: its Python package takes seconds to import.

python -m training.registry.load_trees FILE
"""

import ctypes
import math
import sys
from importlib.util import find_spec
from pathlib import Path

ROWS = 8
FLOAT64, ROW_MAJOR, RAW_SCORE, ALL = 1, 1, 1, -1


def main(file: Path) -> None:
    """Load the trees and predict.

    Raises
    ------
    ValueError
        If LightGBM is not installed or refuses the file.
    """
    library = _library()

    def call(name: str, *arguments: object) -> None:
        if getattr(library, name)(*arguments):
            raise ValueError(library.LGBM_GetLastError().decode("utf-8", "replace"))

    booster, count = ctypes.c_void_p(), ctypes.c_int()
    text = ctypes.c_char_p(file.read_bytes())
    call("LGBM_BoosterLoadModelFromString", text, ctypes.byref(count), ctypes.byref(booster))
    call("LGBM_BoosterGetNumFeature", booster, ctypes.byref(count))
    cells = ROWS * count.value
    nulls, scores = (ctypes.c_double * cells)(*[math.nan] * cells), (ctypes.c_double * ROWS)()
    length = ctypes.c_int64()
    call(
        "LGBM_BoosterPredictForMat",
        booster,
        nulls,
        ctypes.c_int(FLOAT64),
        ctypes.c_int32(ROWS),
        count,
        ctypes.c_int(ROW_MAJOR),
        ctypes.c_int(RAW_SCORE),
        ctypes.c_int(0),
        ctypes.c_int(ALL),
        ctypes.c_char_p(b"num_threads=1 verbosity=-1"),
        ctypes.byref(length),
        scores,
    )


def _library() -> ctypes.CDLL:
    package = find_spec("lightgbm")
    if package is None or package.origin is None:
        raise ValueError("LightGBM is not installed")
    (path,) = (Path(package.origin).parent / "lib").glob("lib_lightgbm.*")
    library = ctypes.CDLL(str(path))
    library.LGBM_GetLastError.restype = ctypes.c_char_p
    return library


if __name__ == "__main__":
    main(Path(sys.argv[1]))
