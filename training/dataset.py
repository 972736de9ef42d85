"""Hold the rows of one model and their split by time, for training and evaluation."""

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
    calibration_from, test_from : datetime.date
        First `as_of` of the later slices.
    """

    train: npt.NDArray[np.bool_]
    calibration: npt.NDArray[np.bool_]
    test: npt.NDArray[np.bool_]
    calibration_from: date
    test_from: date


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
    path : Path
        The file of the frame.
    sha256 : str
        Hash of that file.
    inputs : dict of str to str
        Hash of each tag history the frame was made from, by tag group.
    labelled : int
        Ripe outcomes before rows were sampled.
    """

    frame: pd.DataFrame
    features: list[str]
    tags: list[str]
    split: Split
    path: Path
    sha256: str
    inputs: dict[str, str]
    labelled: int
