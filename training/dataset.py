"""Hold the rows of one model and their split, for training and evaluation."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd


@dataclass(frozen=True)
class Split:
    """Masks of the rows that train, calibrate and test; the test rows are used once, at the end.

    Attributes
    ----------
    train, calibration, test : numpy.ndarray of bool
        Shape (rows,). Disjoint; rows whose outcome reaches into the next slice are in none.
    before_test : numpy.ndarray of bool
        Shape (rows,). Rows that may be learned from before the test slice is looked at: their
        outcome was ripe when it began.
    calibration_from, test_from : datetime.date or None
        First `as_of` of the later slices; None where rows have no dates and groups were split.
    """

    train: npt.NDArray[np.bool_]
    calibration: npt.NDArray[np.bool_]
    test: npt.NDArray[np.bool_]
    before_test: npt.NDArray[np.bool_]
    calibration_from: date | None = None
    test_from: date | None = None

    @property
    def by_time(self) -> bool:
        """Whether the slices follow one another in time."""
        return self.test_from is not None


@dataclass(frozen=True)
class Dataset:
    """The rows of one model, their split and where they come from.

    Attributes
    ----------
    frame : pandas.DataFrame
        One row per question: `customer_id`, `as_of`, `label`, the features and the slice tags.
    features : list of str
        Columns the model reads, in order.
    tags : list of str
        Those of the features that are tags.
    split : Split
        Which rows train, calibrate and test.
    path : Path or None
        The file of the frame; None where the frame is the caller's and no file is kept.
    sha256 : str
        Hash of that file, or of the rows.
    inputs : dict of str to str
        Hash of each tag history the frame was made from, by tag group.
    labelled : int
        Ripe outcomes before rows were sampled.
    """

    frame: pd.DataFrame
    features: list[str]
    tags: list[str]
    split: Split
    path: Path | None
    sha256: str
    inputs: dict[str, str]
    labelled: int
