"""A booster asked about one row at a time: LightGBM's fast call, which sets up nothing per row.

`Booster.predict` of one row takes five times as long. The call is LightGBM's C interface, reached
through names of its Python package that are not public; a test holds its answers to `predict`'s.
"""

import ctypes
import threading
from typing import Any

import lightgbm as lgb
from lightgbm import basic

from training.estimators.encoding import Array

_LIB: Any = basic._LIB  # type: ignore[attr-defined]
RAW_SCORE, FLOAT64 = 1, 1
ALL = -1


class SingleRow:
    """The raw score of a booster, of one row; threads may share it.

    Parameters
    ----------
    booster : lightgbm.Booster
    """

    def __init__(self, booster: lgb.Booster) -> None:
        self._booster = booster
        self._columns = booster.num_feature()
        self._local = threading.local()

    def __call__(self, row: Array) -> float:
        """The score of a row, shape (features,), float64 and in one piece."""
        if row.shape != (self._columns,) or row.dtype != "float64":
            raise ValueError(f"a row has {self._columns} numbers, not {row.shape} of {row.dtype}")
        own: Any = self._local
        if not hasattr(own, "prepared"):
            own.prepared, own.size, own.told = self._prepare(), ctypes.c_int64(), ctypes.c_double()
        basic._safe_call(
            _LIB.LGBM_BoosterPredictForMatSingleRowFast(
                own.prepared.handle,
                ctypes.c_void_p(row.__array_interface__["data"][0]),
                ctypes.byref(own.size),
                ctypes.byref(own.told),
            )
        )
        return float(own.told.value)

    def _prepare(self) -> "_Prepared":
        handle = ctypes.c_void_p()
        basic._safe_call(
            _LIB.LGBM_BoosterPredictForMatSingleRowFastInit(
                self._booster._handle,
                ctypes.c_int(RAW_SCORE),
                ctypes.c_int(0),
                ctypes.c_int(ALL),
                ctypes.c_int(FLOAT64),
                ctypes.c_int32(self._columns),
                ctypes.c_char_p(b"num_threads=1 verbosity=-1"),
                ctypes.byref(handle),
            )
        )
        return _Prepared(handle)


class _Prepared:
    """What LightGBM keeps for a thread; it is LightGBM's to free."""

    def __init__(self, handle: ctypes.c_void_p) -> None:
        self.handle = handle

    def __del__(self) -> None:
        _LIB.LGBM_FastConfigFree(self.handle)
