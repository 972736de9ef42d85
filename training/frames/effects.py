"""Learn what a treatment adds, from a frame of rows that were drawn by lot."""

from collections.abc import Collection
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
from training.frames.columns import Roles, read_rows, tuple_of
from training.frames.datasets import dataset_of, declare_frame, known_by, refuse_leaks
from training.frames.predicting import read_features
from training.uplift.effect_model import EffectModel, load_effect
from training.uplift.randomisation import NoLotError
from training.uplift.randomised_trials import CONTROL, TREATMENTS, Treatment
from training.uplift.study import EffectResult, learn_on

TRIAL = "own frame"


@dataclass(frozen=True)
class FrameEffect:
    """The effect of a treatment, learned from a frame.

    Attributes
    ----------
    study : EffectResult
        Average effect, Qini, worth of rules, check of the lot, folder and id of the run.
    model : EffectModel
        What predicts.
    left_out : list of str
        Columns that no model may learn from, as gender.
    """

    study: EffectResult
    model: EffectModel
    left_out: list[str]

    def predict(
        self, frame: pd.DataFrame
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Predict the effect on the probability of the outcome, and its lower bound, a row each.

        Raises
        ------
        GuanjiaError
            If a column is missing, or holds something else than in training.
        """
        return self.model.predict(read_features(frame, self.model.encoding))

    @property
    def run(self) -> str:
        """Id of its MLflow run."""
        return self.study.run

    @property
    def folder(self) -> Path:
        """Folder of its bundle."""
        return self.study.folder


def fit_uplift(
    frame: pd.DataFrame,
    outcome: str,
    treatment: str,
    *,
    home: Path | str,
    name: str | None = None,
    label: str | None = None,
    probability: float | None = None,
    time: str | None = None,
    matures: str | int | None = None,
    groups: str | None = None,
    categories: Collection[str] = (),
    features: Collection[str] | None = None,
    worth: float | str = 1.0,
    cost: float = 0.0,
    threads: int = 2,
    report: Report = quiet,
) -> FrameEffect:
    """Learn, measure and record what a treatment adds to an outcome of yes or no.

    Rows that were not drawn by lot are refused, as far as the columns show it. Weights are not
    taken: a lot has none.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a draw, treated or not; columns state what was known before it.
    outcome : str
        Column of the outcome, yes or no.
    treatment : str
        Column that says who was treated, yes or no.
    home : Path or str
        Folder of effect models and the registry, made if it is missing.
    name, label : str, optional
        Name of the treatment in files; its title. Default: the treatment's column.
    probability : float, optional
        Probability of treatment that the lot had. Default: the share that was treated, of which the
        check then cannot say whether it is what was meant.
    time, matures, groups, categories, features
        As `training.frames.fit` takes them.
    worth : float or str
        What an outcome is worth, or the column that says it for each row.
    cost : float
        What treating one costs, in the same unit.
    threads : int
        Most threads used.
    report : Report
        Called with progress.

    Returns
    -------
    FrameEffect
        What predicts the effect, with its study.

    Raises
    ------
    GuanjiaError
        If the rows were not drawn by lot, are too few, or hold what cannot be learned from.
    """
    roles = Roles(
        outcome=outcome,
        time=time,
        matures=matures,
        groups=groups,
        treatment=treatment,
        worth=worth if isinstance(worth, str) else None,
        categories=tuple_of(categories) or (),
        features=tuple_of(features),
    )
    arm = Treatment(name or treatment, label or name or treatment, cost)
    if arm.name in TREATMENTS:
        raise GuanjiaError(f"treatment {arm.name}", "is a declared one", "give another `name`")
    lake = Lake(Settings(home=Path(home), threads=threads))
    load_extensions(lake.home)  # whose models' names are taken
    rows = read_rows(frame, roles, "probability")
    model = declare_frame(arm.model, arm.label, "probability", rows.features, len(rows.frame))
    data = dataset_of(rows, model)
    refuse_leaks(data, "probability")
    rows.frame["arm"], rows.frame["probability"] = _draws(rows.frame, arm.name, probability)
    worths = rows.frame["worth"] if roles.worth else pd.Series(float(worth), index=rows.frame.index)
    try:
        study = learn_on(
            lake,
            arm,
            model,
            data,
            worths.to_numpy(np.float64),
            known_by(data),
            trial=TRIAL,
            report=report,
        )
    except NoLotError as error:
        raise GuanjiaError(
            f"column {treatment}",
            error.fault,
            "draw by lot whom to treat, and give the rows of all who were drawn; until then `fit` "
            "predicts the outcome, which is no effect",
        ) from error
    return FrameEffect(study, load_effect(study.folder), rows.left_out)


def _draws(
    rows: pd.DataFrame, treatment: str, probability: float | None
) -> tuple[pd.Series, pd.Series]:
    """Return the arm of every row, and the probability that the lot gave it."""
    treated = rows["treated"]
    share = float(treated.mean()) if probability is None else probability
    if not 0 < share < 1:
        raise GuanjiaError(
            f"probability {share:g}", "is that of no lot", "give a number between 0 and 1"
        )
    return treated.map({True: treatment, False: CONTROL}), treated.map(
        {True: share, False: 1 - share}
    )
