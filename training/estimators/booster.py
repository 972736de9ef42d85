"""Predict with trees that LightGBM grew: many rows at once, or one row at a time.

`Booster` predicts as `lightgbm.Booster` does, bit for bit, but lacks what training needs.
"""

import ctypes
import threading
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from training.estimators.lightgbm_library import (
    ALL,
    CONTRIBUTIONS,
    FLOAT64,
    FROM_FIRST,
    RAW_SCORE,
    SPLITS,
    call,
    library,
)

Array = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int32]
LONGEST_NAME = 512
NORMAL = 0


class Booster:
    """Trees loaded from LightGBM's text; threads may share them.

    Parameters
    ----------
    model_str : str
        Text of `lightgbm.Booster.model_to_string`. LightGBM aborts the process on a damaged text:
        verify it first.

    Raises
    ------
    ValueError
        If LightGBM refuses the text.
    """

    def __init__(self, model_str: str) -> None:
        self.handle, count = ctypes.c_void_p(), ctypes.c_int()
        text, handle = ctypes.c_char_p(model_str.encode("utf-8")), ctypes.byref(self.handle)
        call("LGBM_BoosterLoadModelFromString", text, ctypes.byref(count), handle)
        call("LGBM_BoosterGetNumFeature", self.handle, ctypes.byref(count))
        self._features = count.value
        # Kept here, because modules may be gone when the last booster is freed at exit.
        self._free = library().LGBM_BoosterFree

    def __del__(self) -> None:
        if hasattr(self, "_free"):
            self._free(self.handle)

    def num_feature(self) -> int:
        """Count the features."""
        return self._features

    def feature_name(self) -> list[str]:
        """List the names of the features, in the order of the matrix."""
        names = [ctypes.create_string_buffer(LONGEST_NAME) for _ in range(self._features)]
        places = (ctypes.c_char_p * self._features)(*(ctypes.addressof(name) for name in names))  # type: ignore[misc]
        written, longest = ctypes.c_int(), ctypes.c_size_t()
        call(
            "LGBM_BoosterGetFeatureNames",
            self.handle,
            ctypes.c_int(self._features),
            ctypes.byref(written),
            ctypes.c_size_t(LONGEST_NAME),
            ctypes.byref(longest),
            places,
        )
        if longest.value > LONGEST_NAME:
            raise ValueError(f"a feature has a name of more than {LONGEST_NAME - 1} bytes")
        return [name.value.decode("utf-8") for name in names]

    def feature_importance(self, importance_type: Literal["split"] = "split") -> Counts:
        """Count the splits by each feature, shape (features,)."""
        if importance_type != "split":
            raise ValueError(f"importance by {importance_type} is not supported, only by split")
        counts = np.empty(self._features)
        pointer = counts.ctypes.data_as(ctypes.POINTER(ctypes.c_double))
        kind, trees = ctypes.c_int(SPLITS), ctypes.c_int(ALL)
        call("LGBM_BoosterFeatureImportance", self.handle, trees, kind, pointer)
        return counts.astype(np.int32)

    def predict(
        self,
        matrix: Array,
        *,
        raw_score: bool = False,
        pred_contrib: bool = False,
        num_threads: int = 1,
    ) -> Array:
        """Predict rows.

        Parameters
        ----------
        matrix : numpy.ndarray
            Shape (rows, features), float64, by row or by column.
        raw_score : bool
            True: return scores before the link function in place of predictions.
        pred_contrib : bool
            True: return what each feature adds to the score, and the base in the last column.
        num_threads : int
            Number of threads for LightGBM.

        Returns
        -------
        numpy.ndarray
            Shape (rows,), or (rows, features + 1) of contributions.

        Raises
        ------
        ValueError
            If the matrix has another number of features, or LightGBM fails.
        """
        if matrix.ndim != 2 or matrix.shape[1] != self._features:
            raise ValueError(
                f"the trees read {self._features} features, but the matrix has shape {matrix.shape}"
            )
        by_row = not matrix.flags.f_contiguous
        rows = np.ascontiguousarray(matrix) if by_row else matrix
        rows = rows.astype(np.float64, copy=False)
        width = self._features + 1 if pred_contrib else 1
        predictions, length = np.empty(len(matrix) * width), ctypes.c_int64()
        kind = CONTRIBUTIONS if pred_contrib else RAW_SCORE if raw_score else NORMAL
        call(
            "LGBM_BoosterPredictForMat",
            self.handle,
            ctypes.c_void_p(rows.ctypes.data),
            ctypes.c_int(FLOAT64),
            ctypes.c_int32(len(matrix)),
            ctypes.c_int32(self._features),
            ctypes.c_int(by_row),
            ctypes.c_int(kind),
            ctypes.c_int(FROM_FIRST),
            ctypes.c_int(ALL),
            ctypes.c_char_p(f"num_threads={num_threads} verbosity=-1".encode()),
            ctypes.byref(length),
            predictions.ctypes.data_as(ctypes.POINTER(ctypes.c_double)),
        )
        if length.value != predictions.size:
            raise ValueError(
                f"LightGBM returned {length.value} numbers where {predictions.size} were expected"
            )
        return predictions.reshape(len(matrix), width) if pred_contrib else predictions


class SingleRow:
    """Compute the raw score of one row with LightGBM's fast call, which sets up nothing per row.

    `Booster.predict` takes five times as long for one row. Threads may share an instance.

    Parameters
    ----------
    booster : Booster
        The trees.
    """

    def __init__(self, booster: Booster) -> None:
        self._booster = booster
        self._columns = booster.num_feature()
        self._local = threading.local()
        self._predict = library().LGBM_BoosterPredictForMatSingleRowFast

    def __call__(self, row: Array) -> float:
        """Return the score of a row, shape (features,), float64 and contiguous."""
        if row.shape != (self._columns,) or row.dtype != "float64":
            raise ValueError(
                f"the trees read a row of {self._columns} float64 numbers,"
                f" but got shape {row.shape} of {row.dtype}"
            )
        local: Any = self._local
        if not hasattr(local, "prepared"):
            local.prepared, local.size, local.score = (
                _Prepared(self._booster),
                ctypes.c_int64(),
                ctypes.c_double(),
            )
        failed = self._predict(
            local.prepared.handle,
            ctypes.c_void_p(row.__array_interface__["data"][0]),
            ctypes.byref(local.size),
            ctypes.byref(local.score),
        )
        if failed:
            raise ValueError(library().LGBM_GetLastError().decode("utf-8", "replace"))
        return float(local.score.value)


class _Prepared:
    """State of LightGBM's fast call for one thread; LightGBM allocates and frees it."""

    def __init__(self, booster: Booster) -> None:
        self.handle = ctypes.c_void_p()
        self._free = library().LGBM_FastConfigFree
        call(
            "LGBM_BoosterPredictForMatSingleRowFastInit",
            booster.handle,
            ctypes.c_int(RAW_SCORE),
            ctypes.c_int(FROM_FIRST),
            ctypes.c_int(ALL),
            ctypes.c_int(FLOAT64),
            ctypes.c_int32(booster.num_feature()),
            ctypes.c_char_p(b"num_threads=1 verbosity=-1"),
            ctypes.byref(self.handle),
        )

    def __del__(self) -> None:
        self._free(self.handle)


def booster_of(trees: Any) -> Booster:
    """Convert trees to a `Booster`; those of `lightgbm.Booster` exactly, through their text."""
    return trees if isinstance(trees, Booster) else Booster(trees.model_to_string())
