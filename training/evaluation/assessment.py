"""Everything that is told of one trained model, computed once for report, card and registry."""

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
from training.evaluation.contact import turned
from training.evaluation.discrimination import gain_table
from training.evaluation.fairness import Fairness, fairness
from training.evaluation.figures import Amounts, Figures, figures_of
from training.evaluation.leaks import SingleTag, single_tags
from training.evaluation.peers import Difference, differences, peers_told
from training.evaluation.profit import Curve, Economics, economics, profit_curves
from training.evaluation.resampling import Resamples
from training.evaluation.slices import Slice, slices
from training.evaluation.truth import Truth, against_truth
from training.model_spec import ModelSpec, Purpose


@dataclass(frozen=True)
class Part:
    """One slice of the data in time: when its questions were asked, and how they ended."""

    name: str
    chinese: str
    first: date
    last: date
    rows: int
    customers: int
    mean: float


@dataclass(frozen=True)
class Assessment:
    """One model on its test slice.

    Attributes
    ----------
    figures : Figures or Amounts
        Of the model; `differences` compares it with each peer.
    calibration, gain : pandas.DataFrame
        By tenth of what was told; `gain` in the order of contacts (`purpose`).
    economics, curves : Economics or None, list of Curve
        None and empty where nobody is contacted on the model's word, or costs are not recorded.
    truth : Truth or None
        None on real data.
    """

    model: ModelSpec
    kind: Kind
    purpose: Purpose | None
    known_by: date
    bundle_version: str
    features: int
    labelled: int
    parts: list[Part]
    frame_sha256: str
    inputs: dict[str, str]
    figures: Figures | Amounts
    differences: list[Difference]
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
            one.peer: dict(zip(names, (one.order, one.loss), strict=True))
            for one in self.differences
        }

    def metrics(self) -> dict[str, float]:
        """The figures as the registry keeps them."""
        found = {f"test_{key}": float(value) for key, value in asdict(self.figures).items()}
        for peer, got in self.baselines.items():
            found |= {f"{peer}_{key}": value for key, value in got.items()}
        for one in self.differences:
            found |= {
                f"gain_over_{one.peer}": one.order_gain,
                f"loss_below_{one.peer}": one.loss_gain,
            }
        for each in self.fairness:
            found[f"fairness_{each.attribute}"] = each.calibration
            found[f"fairness_{each.attribute}_high"] = each.calibration_interval[1]
        if self.truth is not None:
            found |= {f"truth_{key}": float(value) for key, value in asdict(self.truth).items()}
        return found


def assess(
    lake: Lake,
    model: ModelSpec,
    data: Dataset,
    predictor: Predictor,
    known_by: date,
    report: Report = quiet,
    priced: dict[tuple[str, str], Economics | None] | None = None,
) -> Assessment:
    """Evaluate a bundle on the test slice of its dataset.

    Parameters
    ----------
    lake : Lake
        Where costs, premiums and, of a simulated insurer, the truth lie.
    model : ModelSpec
    data : Dataset
        What the model learned from.
    predictor : Predictor
        Loaded from the bundle, so that what is measured is what is served.
    known_by : datetime.date
        Costs and premiums recorded later are not used either.
    report : Report
    priced : dict, optional
        What contacts cost and bring, by what is won and its line, for models assessed one after
        the other on the same tables: what one has computed, the next takes from here.
    """
    kind = model.kind
    threads = lake.settings.threads
    purpose = model.purpose
    test = data.frame[data.split.test]
    label = test["label"].to_numpy(dtype=bool if kind == "probability" else np.float64)
    told = predictor.predict(test, threads)
    resamples = Resamples(test["customer_id"])
    figures = figures_of(label, told, resamples, kind)
    report(f"{model.name}: peers", 0, None)
    peers = peers_told(data.frame, data.split.train, data.split.test, data.features, threads, kind)
    report(f"{model.name}: evaluation", 0, None)
    event, ahead = turned(label, told, purpose, kind)
    money = None
    if purpose and kind == "probability":
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
        bundle_version=predictor.version,
        features=len(predictor.features),
        labelled=data.labelled,
        parts=_parts(data),
        frame_sha256=data.sha256,
        inputs=data.inputs,
        figures=figures,
        differences=differences(label, told, peers, resamples, kind),
        truth=against_truth(lake, model, test, told) if kind == "probability" else None,
        calibration=calibration_table(label, told, resamples=resamples),
        gain=gain_table(event, ahead),
        slices=slices(test, label, told, resamples, kind),
        fairness=fairness(test, label, told, resamples, purpose=purpose, kind=kind),
        economics=money,
        curves=profit_curves(label, told, purpose, money, resamples) if purpose and money else [],
        importance=importance(predictor, test, threads),
        single_tags=single_tags(
            data.frame, data.split.train, data.split.test, data.features, order, kind
        ),
    )


def _parts(data: Dataset) -> list[Part]:
    split = data.split
    named = (
        ("train", "训练", split.train),
        ("calibration", "校准", split.calibration),
        ("test", "检验", split.test),
    )
    found = []
    for name, chinese, rows in named:
        part = data.frame[["as_of", "customer_id", "label"]][rows]
        asked = pd.to_datetime(part["as_of"])
        found.append(
            Part(
                name=name,
                chinese=chinese,
                first=asked.min().date(),
                last=asked.max().date(),
                rows=len(part),
                customers=int(part["customer_id"].nunique()),
                mean=float(part["label"].mean()),
            )
        )
    return found
