"""Train a model on a frame of one's own: candidates, tuning, calibration, report, card, run.

The rows go the way that rows of an insurer's tables go (`training.fitting.train.train_on`), so what
holds of one holds of the other.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.errors import GuanjiaError
from features.lake import Lake
from features.progress import Report, quiet
from features.settings import Settings
from features.tags.extensions import load_extensions
from training.estimators.bundle import Predictor
from training.estimators.losses import Kind
from training.evaluation.figures import Amounts, Figures
from training.evaluation.report_files import CARD
from training.fitting.recording import TrainResult
from training.fitting.train import train_on
from training.fitting.tuning import SECONDS
from training.frames.columns import Roles, read_rows, tuple_of
from training.frames.datasets import KINDS, dataset_of, declare_frame, known_by, refuse_leaks
from training.frames.predicting import FramePredictor
from training.registry.versions import read_version


@dataclass(frozen=True)
class FrameModel:
    """A model that learned from a frame.

    Attributes
    ----------
    trained : TrainResult
        The registered model: version, figures, candidates, baselines, folder, report.
    run : str
        Id of its MLflow run.
    predictor : FramePredictor
        What predicts; `training.frames.load(folder)` loads the same in another process.
    left_out : list of str
        Columns that no model may learn from, as gender; the report measures by them.
    """

    trained: TrainResult
    run: str
    predictor: FramePredictor
    left_out: list[str]

    def predict(self, frame: pd.DataFrame) -> npt.NDArray[np.float64]:
        """Predict rows: calibrated probabilities, or means of a count or an amount, shape (rows,).

        Raises
        ------
        GuanjiaError
            If a column is missing, or holds something else than in training.
        """
        return self.predictor.predict(frame)

    @property
    def figures(self) -> Figures | Amounts:
        """Figures of the judged candidate on rows it has not seen, with intervals."""
        return self.trained.figures

    @property
    def folder(self) -> Path:
        """Folder of the verified bundle."""
        return self.trained.folder

    @property
    def report(self) -> Path:
        """The HTML page; its tables lie beside it."""
        return self.trained.report

    @property
    def card(self) -> Path:
        """The model card, in Markdown."""
        return self.trained.report.with_name(CARD)


def fit(
    frame: pd.DataFrame,
    outcome: str,
    *,
    home: Path | str,
    name: str | None = None,
    label: str | None = None,
    kind: Kind = "probability",
    time: str | None = None,
    matures: str | int | None = None,
    groups: str | None = None,
    weights: str | None = None,
    categories: Collection[str] = (),
    features: Collection[str] | None = None,
    monotone: Mapping[str, int] | None = None,
    candidates: Collection[str] | None = None,
    parameters: Mapping[str, float] | None = None,
    tuning_seconds: float = SECONDS,
    threads: int = 2,
    report: Report = quiet,
) -> FrameModel:
    """Train, calibrate, evaluate and register a model on a frame.

    With dates the last fifth of the time is the test, and no outcome of an earlier slice was known
    later than the next begins. Without, a fifth of the groups is, chosen by hash; the card says so.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a question. Texts are categories, missing values may stay.
    outcome : str
        Column that is predicted.
    home : Path or str
        Folder of reports, bundles and the registry, made if it is missing; no tables are needed.
    name, label : str, optional
        Name in files and in the registry; title of report and card. Default: the outcome's.
    kind : {"probability", "count", "amount"}
        What the outcome is: yes or no, a number of events, an amount above 0.
    time : str, optional
        Column of the date of the question.
    matures : str or int, optional
        Column of the day on which the outcome is known, or the days until then; goes with `time`.
    groups : str, optional
        Column of the customers whose rows belong together. Default: each row is by itself.
    weights : str, optional
        Column that says how many equal rows a row stands for, a whole number.
    categories : collection of str
        Columns of numbers that are names, as postal codes are.
    features : collection of str, optional
        Columns to learn from. Default: all that have no other role.
    monotone : Mapping[str, int], optional
        Feature -> 1 or -1: all else equal, the prediction never falls (rises) with it.
    candidates : collection of str, optional
        Parts that compete (`training.estimators.parts.PARTS`), and "blend" to combine them.
    parameters : Mapping[str, float], optional
        Parameters of the trees in place of the default ones (`training.model_spec.DEFAULTS`; a leaf
        of theirs holds fewer rows where the frame has fewer than 15,000).
    tuning_seconds : float
        Budget to search for better parameters of the trees (`training.fitting.tuning`); 0: none.
    threads : int
        Most threads used.
    report : Report
        Called with progress.

    Returns
    -------
    FrameModel
        What predicts, with its figures, report, card and run.

    Raises
    ------
    GuanjiaError
        If the frame holds what cannot be learned from; it names the column, the fault and the cure.
    """
    roles = Roles(
        outcome=outcome,
        time=time,
        matures=matures,
        groups=groups,
        weights=weights,
        categories=tuple_of(categories) or (),
        features=tuple_of(features),
    )
    if kind not in KINDS:
        raise GuanjiaError(f"kind {kind}", "is not known", f"use one of {', '.join(KINDS)}")
    lake = Lake(Settings(home=Path(home), threads=threads))
    load_extensions(lake.home)  # whose models' names are taken
    rows = read_rows(frame, roles, kind)
    model = declare_frame(
        name or outcome,
        label or name or outcome,
        kind,
        rows.features,
        len(rows.frame),
        monotone=monotone,
        candidates=tuple_of(candidates),
        parameters=parameters,
    )
    data = dataset_of(rows, model)
    refuse_leaks(data, kind)
    trained = train_on(
        lake,
        model,
        data,
        known_by(data),
        report=report,
        tuning_seconds=tuning_seconds,
        source="training.frames.fit",
    )
    run = read_version(lake, model.name, trained.version).run
    predictor = FramePredictor(Predictor.load(trained.folder), threads)
    return FrameModel(trained, run, predictor, rows.left_out)
