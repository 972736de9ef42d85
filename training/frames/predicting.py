"""Predict rows of a frame with a model that learned from one."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.errors import GuanjiaError, did_you_mean
from training.estimators.bundle import Predictor
from training.estimators.encoding import Encoding
from training.frames.values import as_numbers, as_texts


class FramePredictor:
    """A model that predicts rows of a frame.

    Parameters
    ----------
    predictor : Predictor
        Its loaded bundle.
    threads : int
        Number of threads for LightGBM.
    """

    def __init__(self, predictor: Predictor, threads: int = 1) -> None:
        self.predictor = predictor
        self.threads = threads

    @property
    def features(self) -> list[str]:
        """Columns it reads, in order."""
        return self.predictor.features

    def predict(self, frame: pd.DataFrame) -> npt.NDArray[np.float64]:
        """Predict rows: calibrated probabilities, or means of a count or an amount.

        Parameters
        ----------
        frame : pandas.DataFrame
            The columns the model learned from, in any order; others are ignored. A category it has
            not seen counts as missing.

        Returns
        -------
        numpy.ndarray
            Shape (rows,).

        Raises
        ------
        GuanjiaError
            If a column is missing, or holds something else than in training.
        """
        columns = read_features(frame, self.predictor.scorer.encoding)
        return self.predictor.predict(columns, self.threads)


def load(folder: Path | str, threads: int = 1) -> FramePredictor:
    """Verify and load the bundle of a model that learned from a frame.

    Parameters
    ----------
    folder : Path or str
        Its folder, such as `FrameModel.folder`.
    threads : int
        Number of threads for LightGBM.

    Raises
    ------
    GuanjiaError
        If a file of the bundle is missing or altered.
    """
    return FramePredictor(Predictor.load(Path(folder)), threads)


def read_features(frame: pd.DataFrame, encoding: Encoding) -> pd.DataFrame:
    """Convert the features of a frame as they were converted in training.

    Parameters
    ----------
    frame : pandas.DataFrame
        Rows with the columns of the encoding.
    encoding : Encoding
        Names of the features, and which of them are categories.

    Raises
    ------
    GuanjiaError
        If a column is missing, or holds something else than in training.
    """
    for name in encoding.features:
        if name not in frame:
            raise GuanjiaError(
                f"column {name}",
                "is missing from the rows to predict",
                did_you_mean(name, [str(column) for column in frame]),
            )
    return pd.DataFrame(
        {
            name: as_texts(frame[name]) if name in encoding.categories else as_numbers(frame[name])
            for name in encoding.features
        }
    )
