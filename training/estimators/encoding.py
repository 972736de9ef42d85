"""Encode columns of tags as the matrix that models read."""

import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.errors import GuanjiaError

if TYPE_CHECKING:
    import pandas as pd

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]
Values: TypeAlias = Mapping[str, Any]
Columns: TypeAlias = "Mapping[str, Any] | pd.DataFrame | pa.Table | pa.RecordBatch"


class Encoding:
    """Names of the columns of a matrix, in order, and the codes of their categories.

    Null, and a category that was not in training, become missing values (NaN).
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
    def learn(cls, frame: "pd.DataFrame", features: Sequence[str]) -> "Encoding":
        """Learn the categories of the text columns of a frame, in the order of their values."""
        categories = {}
        for name in features:
            if frame[name].dtype.kind != "O":
                continue
            present = frame[name].dropna()
            if len(present) and isinstance(present.iloc[0], str):
                categories[name] = sorted({str(text) for text in present.unique()})
        return cls(features, categories)

    def matrix(
        self, columns: Columns, rows: Places | None = None, used: Collection[str] | None = None
    ) -> Array:
        """Encode columns as a float64 matrix, one row per customer, missing as NaN.

        Parameters
        ----------
        columns : mapping, pandas.DataFrame, pyarrow.Table or pyarrow.RecordBatch
            Columns by name, in any order; those that are no features are ignored.
        rows : numpy.ndarray of int, optional
            Positions of the rows to encode; default: all of them.
        used : collection of str, optional
            Features to read, the others are 0; default: all.

        Returns
        -------
        numpy.ndarray
            Shape (rows, features), by column.

        Raises
        ------
        GuanjiaError
            If a feature that is used is missing.
        """
        names = list(
            columns.schema.names if isinstance(columns, pa.Table | pa.RecordBatch) else columns
        )
        names_used = self.features if used is None else [n for n in self.features if n in used]
        missing = [name for name in names_used if name not in names]
        if missing:
            raise GuanjiaError(
                f"features {missing}",
                "are missing from the rows to predict",
                "compute the tags of this model's tag set, or train the model again",
            )
        values = [(self.place[name], self._column(name, columns[name])) for name in names_used]
        size = len(columns[names[0]] if rows is None else rows)
        # By column, as the values come; LightGBM reads either order.
        matrix = np.zeros((size, len(self.features)), order="F")
        for place, column in values:
            matrix[:, place] = column if rows is None else column[rows]
        return matrix

    def row_encoder(self, used: Collection[str] | None = None) -> Callable[[Values], Array]:
        """Return a function that encodes one customer as `matrix` does, shape (features,).

        Parameters
        ----------
        used : collection of str, optional
            Features to read, the others are 0; default: all.

        Returns
        -------
        callable
            Takes plain values by name: numbers, booleans, texts, None.
        """
        names = [name for name in self.features if used is None or name in used]
        plain = [name for name in names if name not in self._codes]
        places = np.array([self.place[name] for name in plain], dtype=np.intp)
        coded = [
            (self.place[name], name, self._codes[name]) for name in names if name in self._codes
        ]

        def encode(values: Values) -> Array:
            row = np.zeros(len(self.features))
            if plain:
                row[places] = [values[name] for name in plain]  # NumPy makes a NaN of None
            for place, name, codes in coded:
                row[place] = codes.get(values[name], np.nan)
            return row

        return encode

    def _column(self, name: str, values: Any) -> Array:
        codes = self._codes.get(name)
        # Only if pandas is imported already: importing it takes longer than predicting.
        pandas = sys.modules.get("pandas")
        if pandas is not None and isinstance(values, pandas.Series):
            return _series(pandas, values, codes)
        if isinstance(values, pa.ChunkedArray | pa.Array):
            return _arrow(values, codes)
        if codes is not None:
            return np.array([codes.get(value, np.nan) for value in values], np.float64)
        return np.array([np.nan if value is None else value for value in values], np.float64)


def _series(pandas: Any, series: "pd.Series[Any]", codes: Mapping[str, float] | None) -> Array:
    if codes is not None and isinstance(series.dtype, pandas.CategoricalDtype):
        known = [codes.get(text, np.nan) for text in series.cat.categories]
        # The code of a null is -1, the last.
        return np.asarray(np.array([*known, np.nan])[series.cat.codes.to_numpy()])
    if codes is not None:
        return np.asarray(series.astype(object).map(codes), dtype=np.float64)
    if series.dtype == object:  # booleans or numbers among nulls
        series = pandas.to_numeric(series, errors="coerce")
    return np.asarray(series.to_numpy(dtype=np.float64, na_value=np.nan))


def _arrow(column: pa.Array | pa.ChunkedArray, codes: Mapping[str, float] | None) -> Array:
    if codes is not None:
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        # A command that reads scores alone would wait for it.
        import pyarrow.compute as pc

        places = pc.index_in(column, value_set=pa.array(list(codes), column.type))
        known = np.array([*codes.values(), np.nan])
        return np.asarray(known[places.fill_null(len(codes)).to_numpy(zero_copy_only=False)])
    # Arrow casts no boolean to a float at once.
    castable = column.cast(pa.int8()) if pa.types.is_boolean(column.type) else column
    numbers = castable.cast(pa.float64(), safe=False)
    return np.asarray(numbers.to_numpy(zero_copy_only=False), np.float64)
