"""Train on a frame of one's own: a pandas frame and an outcome, without tables of an insurer.

In: a frame, the name of its outcome, and, where there are, of its dates, groups and weights.
Out: a registered model that predicts such frames, with its report, card and MLflow run.
Read first: `learning.py`; `columns.py` says what a frame may hold.
"""

from training.frames.effects import FrameEffect, fit_uplift
from training.frames.learning import FrameModel, fit
from training.frames.predicting import FramePredictor, load

__all__ = ["FrameEffect", "FrameModel", "FramePredictor", "fit", "fit_uplift", "load"]
