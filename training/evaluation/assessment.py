"""Evaluate one trained model: everything the report, the card and the registry show."""

from dataclasses import asdict, dataclass
from datetime import date

import numpy as np
import pandas as pd

from features.lake import Lake
from features.progress import Report, quiet
from training.dataset import Dataset
from training.estimators.bundle import Predictor
from training.estimators.contributions import Importance, importance
from training.estimators.losses import Kind
from training.evaluation.calibration import calibration_table
from training.evaluation.contact import Curve, orient_for_contact, profit_curves
from training.evaluation.discrimination import gain_table
from training.evaluation.economics import Economics, economics
from training.evaluation.fairness import Fairness, fairness
from training.evaluation.figures import Amounts, Figures, figures_of
from training.evaluation.intervals import Customers
from training.evaluation.leaks import SingleTag, single_tags
from training.evaluation.peers import PeerDifference, compare_with_peers, predict_peers
from training.evaluation.slices import Slice, slices
from training.evaluation.truth import Truth, compare_with_truth
from training.model_spec import ModelSpec, Purpose

_ABOUT = ("as_of", "matures", "customer_id", "label")
"""Columns that say whose and which question a row is."""


@dataclass(frozen=True)
class TimeSlice:
    """One slice of the data: dates of its questions, rows and mean outcome.

    Attributes
    ----------
    name, chinese : str
        "train", "calibration" or "test"; its Chinese name.
    first, last : datetime.date or None
        First and last `as_of`; None where rows have no dates.
    rows, customers : int
        Number of rows and of customers.
    mean : float
        Mean outcome.
    """

    name: str
    chinese: str
    first: date | None
    last: date | None
    rows: int
    customers: int
    mean: float


@dataclass(frozen=True)
class Learned:
    """What one of the two models of a training learned from.

    Attributes
    ----------
    name, chinese : str
        "judged candidate", which the figures measure, or "registered model", which serves.
    bundle_version : str
        Version of its bundle.
    rows : int
        Rows its parts were fitted to.
    first, last : datetime.date or None
        First and last `as_of` of these rows and of those it was calibrated on; None where rows have
        no dates.
    newest : datetime.date or None
        Last day that decided an outcome among them.
    """

    name: str
    chinese: str
    bundle_version: str
    rows: int
    first: date | None
    last: date | None
    newest: date | None


@dataclass(frozen=True)
class Assessment:
    """Evaluation of one model on its test slice.

    Attributes
    ----------
    known_by : datetime.date or None
        Outcomes recorded later were not used; None where rows have no dates.
    by_time : bool
        Whether the slices follow one another in time; else groups were split by hash.
    own_frame : bool
        Whether the rows came as a frame of the caller's own, not from checked tables.
    bundle_version : str
        Version of the bundle that is registered, and serves once it is promoted.
    learned : list of Learned
        What the judged candidate, and the registered model, learned from.
    figures : Figures or Amounts
        Main figures; `differences` compares them with each peer's.
    calibration, gain : pandas.DataFrame
        By tenth of predictions; `gain` in the order of contacts (`purpose`).
    economics, curves : Economics or None, list of Curve
        None and empty if no contact follows from the model, or costs are not recorded, or it takes
        another model's "yes" for granted.
    truth : Truth or None
        None on real data.
    labelled : int
        Ripe outcomes before rows were sampled.
    frame_sha256, inputs : str, dict of str to str
        Hashes of the frame's file, and of the tag histories by group.
    """

    model: ModelSpec
    kind: Kind
    purpose: Purpose | None
    known_by: date | None
    by_time: bool
    own_frame: bool
    bundle_version: str
    features: int
    labelled: int
    time_slices: list[TimeSlice]
    learned: list[Learned]
    frame_sha256: str
    inputs: dict[str, str]
    figures: Figures | Amounts
    differences: list[PeerDifference]
    truth: Truth | None
    calibration: pd.DataFrame
    gain: pd.DataFrame
    slices: list[Slice]
    fairness: list[Fairness]
    economics: Economics | None
    curves: list[Curve]
    importance: Importance
    single_tags: list[SingleTag]

    @property
    def order(self) -> float:
        """AUC of a probability, Gini of a count or an amount."""
        return self.figures.auc if isinstance(self.figures, Figures) else self.figures.gini

    @property
    def baselines(self) -> dict[str, dict[str, float]]:
        """Order and loss of each peer, as the command line prints them."""
        names = ("auc", "log_loss") if self.kind == "probability" else ("gini", "deviance")
        return {
            difference.peer: dict(zip(names, (difference.order, difference.loss), strict=True))
            for difference in self.differences
        }

    def metrics(self) -> dict[str, float]:
        """Collect the figures that the registry stores, by name."""
        metrics = {f"test_{key}": float(value) for key, value in asdict(self.figures).items()}
        metrics["test_contact_lift"] = float(self.gain["lift"].iloc[0])
        for peer, figures in self.baselines.items():
            metrics |= {f"{peer}_{key}": value for key, value in figures.items()}
        for difference in self.differences:
            metrics |= {
                f"gain_over_{difference.peer}": difference.order_gain,
                f"loss_below_{difference.peer}": difference.loss_gain,
            }
        for attribute in self.fairness:
            metrics[f"fairness_{attribute.attribute}"] = attribute.calibration
            metrics[f"fairness_{attribute.attribute}_high"] = attribute.calibration_interval[1]
        if self.truth is not None:
            metrics |= {f"truth_{key}": float(value) for key, value in asdict(self.truth).items()}
        return metrics


def assess(
    lake: Lake,
    model: ModelSpec,
    data: Dataset,
    predictor: Predictor,
    known_by: date | None,
    report: Report = quiet,
    priced: dict[tuple[str, str], Economics | None] | None = None,
    all_peers: bool = False,
    registered: str = "",
) -> Assessment:
    """Evaluate the judged candidate of a model on the test slice of its dataset.

    Parameters
    ----------
    lake : Lake
        The home: costs, premiums and, for a simulated insurer, the truth.
    model : ModelSpec
        The model as declared.
    data : Dataset
        What the model learned from.
    predictor : Predictor
        The judged candidate, loaded from its bundle, so that its predictions are those of serving.
    known_by : datetime.date or None
        Costs and premiums recorded later are not used; None where rows have no dates.
    report : Report
        Called with the progress.
    priced : dict, optional
        Cache of `economics` by (benefit, line), shared by models that are evaluated one after the
        other on the same tables; filled here.
    all_peers : bool
        Whether the dearest peer is trained too (`predict_peers`).
    registered : str
        Version of the bundle that was fitted anew to every ripe row; empty: the judged one serves.
    """
    kind = model.kind
    threads = lake.settings.threads
    purpose = model.purpose
    test = data.frame[data.split.test]
    label = test["label"].to_numpy(dtype=bool if kind == "probability" else np.float64)
    predicted = predictor.predict(test, threads)
    people = Customers(test["customer_id"])
    figures = figures_of(label, predicted, people, kind)
    report(f"{model.name}: peers", 0, None)
    peers = predict_peers(
        data.frame, data.split.train, data.split.test, data.features, threads, kind, all_peers
    )
    report(f"{model.name}: evaluation", 0, None)
    event, priority = orient_for_contact(label, predicted, purpose, kind)
    money = None
    if purpose and known_by and kind == "probability" and not model.given:
        priced = {} if priced is None else priced
        won = purpose.benefit, purpose.line
        if won not in priced:
            priced[won] = economics(lake, known_by, purpose)
        money = priced[won]
    order = figures.auc if isinstance(figures, Figures) else figures.gini
    return Assessment(
        model=model,
        kind=kind,
        purpose=purpose,
        known_by=known_by,
        by_time=data.split.by_time,
        own_frame=data.path is None,
        bundle_version=registered or predictor.version,
        features=len(predictor.features),
        labelled=data.labelled,
        time_slices=_time_slices(data),
        learned=_learned(data, predictor.version, registered),
        frame_sha256=data.sha256,
        inputs=data.inputs,
        figures=figures,
        differences=compare_with_peers(label, predicted, peers, people, kind),
        truth=compare_with_truth(lake, model, test, predicted) if kind == "probability" else None,
        calibration=calibration_table(label, predicted, people=people),
        gain=gain_table(event, priority),
        slices=slices(test, label, predicted, people, kind),
        fairness=fairness(test, label, predicted, people, purpose=purpose, kind=kind),
        economics=money,
        curves=profit_curves(label, predicted, purpose, money, people) if purpose and money else [],
        importance=importance(predictor, test, threads),
        single_tags=single_tags(
            data.frame, data.split.train, data.split.test, data.features, order, kind
        ),
    )


def _time_slices(data: Dataset) -> list[TimeSlice]:
    split = data.split
    named = (
        ("train", "训练", split.train),
        ("calibration", "校准", split.calibration),
        ("test", "检验", split.test),
    )
    time_slices = []
    for name, chinese, rows in named:
        part = data.frame[[name for name in _ABOUT if name in data.frame]][rows]
        first, last = _span(part)
        time_slices.append(
            TimeSlice(
                name=name,
                chinese=chinese,
                first=first,
                last=last,
                rows=len(part),
                customers=int(part["customer_id"].nunique()),
                mean=float(part["label"].mean()),
            )
        )
    return time_slices


def _learned(data: Dataset, version: str, registered: str) -> list[Learned]:
    split = data.split
    fits = [("judged candidate", "受检模型", version, split.train, split.train | split.calibration)]
    if registered:
        every = np.ones(len(data.frame), bool)
        fits.append(("registered model", "注册模型", registered, every, every))
    learned = []
    for name, chinese, bundle, rows, seen in fits:
        part = data.frame[[name for name in _ABOUT if name in data.frame]][seen]
        newest = pd.Timestamp(part["matures"].max()).date() if "matures" in part else None
        learned.append(Learned(name, chinese, bundle, int(rows.sum()), *_span(part), newest))
    return learned


def _span(rows: pd.DataFrame) -> tuple[date | None, date | None]:
    """Return the first and the last `as_of` of rows; None where they have no dates."""
    if "as_of" not in rows:
        return None, None
    days = rows["as_of"]
    return pd.Timestamp(days.min()).date(), pd.Timestamp(days.max()).date()
