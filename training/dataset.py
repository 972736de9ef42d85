"""The frame of one model with its split by time, as training and evaluation share it."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd


@dataclass(frozen=True)
class Split:
    """Which rows train, calibrate and test; the test rows are used once, at the end.

    Attributes
    ----------
    train, calibration, test : numpy.ndarray of bool
        Disjoint; rows whose outcome reaches into the next slice belong to none.
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
    """The frame of one model with its split and identity.

    `sha256` is the hash of the frame's file, `inputs` those of its tag histories by group.
    """

    frame: pd.DataFrame
    features: list[str]
    tags: list[str]
    split: Split
    path: Path
    sha256: str
    inputs: dict[str, str]
    labelled: int
