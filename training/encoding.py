"""Columns of tags as the matrix that models read."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from features.errors import GuanjiaError

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
BLOCK = 1024  # rows written at once: they stay in the cache until all their columns are there
Columns: TypeAlias = "Mapping[str, Any] | pd.DataFrame | pa.Table"


class Encoding:
    """Columns to the matrix the models read: names in order, categories as codes.

    A category that was not in training, and null, are missing values.
    """

    def __init__(self, features: Sequence[str], categories: Mapping[str, Sequence[str]]) -> None:
        self.features = list(features)
        self.place = {name: place for place, name in enumerate(self.features)}
        self.categories = {name: list(values) for name, values in categories.items()}
        self._codes = {
            name: {value: float(code) for code, value in enumerate(values)}
            for name, values in self.categories.items()
        }

    @classmethod
    def learn(cls, frame: pd.DataFrame, features: Sequence[str]) -> "Encoding":
        """Take text columns as categories, in the order of their sorted values."""
        categories = {}
        for name in features:
            kind = frame[name].dtype
            present = frame[name].dropna()
            texts = kind.kind == "O"
            if texts and len(present) and isinstance(present.iloc[0], str):
                categories[name] = sorted(set(present.astype(str)))
        return cls(features, categories)

    def matrix(self, columns: Columns) -> Array:
        """The features as float64, one row a customer, missing as NaN.

        Raises
        ------
        GuanjiaError
            If a feature is missing; other columns are ignored and their order does not matter.
        """
        names = columns.column_names if isinstance(columns, pa.Table) else list(columns)
        missing = [name for name in self.features if name not in names]
        if missing:
            raise GuanjiaError(
                f"features {missing}",
                "are missing from the rows to predict",
                "compute the tags of this model's feature service, or train the model again",
            )
        values = [self._column(name, columns[name]) for name in self.features]
        matrix = np.empty((len(values[0]) if values else 0, len(values)))
        for start in range(0, len(matrix), BLOCK):
            rows = slice(start, start + BLOCK)
            for place, column in enumerate(values):
                matrix[rows, place] = column[rows]
        return matrix

    def _column(self, name: str, values: Any) -> Array:
        if isinstance(values, pa.ChunkedArray | pa.Array):
            values = values.to_pandas()
        series = values if isinstance(values, pd.Series) else pd.Series(list(values))
        if name in self._codes:
            coded = series.astype(object).map(self._codes[name])
            return np.asarray(coded, dtype=np.float64)
        if series.dtype == object:  # booleans or numbers among nulls
            series = pd.to_numeric(series, errors="coerce")
        return np.asarray(series.to_numpy(dtype=np.float64, na_value=np.nan))
