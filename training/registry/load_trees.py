"""Load a file of trees with LightGBM's library alone, and let it predict rows of nulls.

LightGBM aborts the process on a damaged file, so `training.registry.load_check` runs this in a
process of its own.

python -m training.registry.load_trees FILE
"""

import ctypes
import math
import sys
from pathlib import Path

from training.estimators.lightgbm_library import ALL, FLOAT64, FROM_FIRST, RAW_SCORE, call

ROWS = 8
ROW_MAJOR = 1


def main(file: Path) -> None:
    """Load the trees and predict.

    Raises
    ------
    ValueError
        If LightGBM is not installed or refuses the file.
    """
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
        ctypes.c_int(FROM_FIRST),
        ctypes.c_int(ALL),
        ctypes.c_char_p(b"num_threads=1 verbosity=-1"),
        ctypes.byref(length),
        scores,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
