"""The models, as declarations: a new model is a new instance here, not a new script."""

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache, partial
from types import CodeType

import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pandas as pd

from features.contracts.vocabulary import NON_MOTOR_LABELS
from features.errors import GuanjiaError, did_you_mean
from features.lake import Lake
from training.estimators.losses import Kind
from training.labels import churn as churn_labels
from training.labels import claims as claim_labels
from training.labels import questions as labels

# Few leaves and few tags a tree: what moves customers is nearly additive, and rows of a customer
# repeat (by lead time, by quarter), so a tree that fits single rows learns nothing.
DEFAULTS: Mapping[str, float] = {
    "learning_rate": 0.05,
    "num_leaves": 7,
    "min_data_in_leaf": 300,
    "lambda_l2": 20.0,
    "feature_fraction": 0.3,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "max_bin": 255,
    "rounds": 1000,
    "patience": 60,
}


# A dearer offer never makes a renewal likelier, all else equal.
DEARER = ("renewal_quote_change_ratio", "premium_change_ratio")


@dataclass(frozen=True)
class Gates:
    """Bounds of one model.

    Attributes
    ----------
    loss : float
        By how much the log loss or deviance may be worse than the champion's, as a share of that
        of always telling the mean.
    calibration : float
        By how much the expected calibration error may be larger than the champion's: in
        probability, or as a share of the mean count or amount.
    segment : float
        The same of a segment.
    fairness : float
        By how much more the outcome may be over- or understated for a group of gender, age or
        region than for all others, told in the same way.
    """

    loss: float = 0.005
    calibration: float = 0.01
    segment: float = 0.02
    fairness: float = 0.05


@dataclass(frozen=True)
class ModelSpec:
    """One model as declared.

    Attributes
    ----------
    name, label : str
        Name in commands and files; Chinese label.
    service : str
        The feature service that lists its tags.
    labels : Callable[[Lake, date], ibis.Table]
        Labels as known by a date (`training.labels.questions`).
    eligible : str
        Of whom the question is asked, as an expression over tags: in training and in serving.
    describes : str
        Which labelled rows the tags describe, as an expression over tags and the labels' columns;
        empty: all of them.
    extra : tuple of str
        Features that are not tags but part of the question asked.
    truth : str
        Which file of the simulation's truth evaluation may compare with.
    kind : str
        What is told: a "probability", or the mean of a "count" or an "amount".
    monotone : Mapping[str, int]
        Feature -> -1 or 1: all else equal, the prediction never rises (falls) with it.
    candidates : tuple of str
        Ways to learn that compete (`training.estimators.candidates.CANDIDATES`); validation
        chooses.
    parameters : Mapping[str, float]
        LightGBM parameters, and `rounds` and `patience` of early stopping.
    gates : Gates
        What a version must hold to become champion.
    """

    name: str
    label: str
    service: str
    labels: Callable[[Lake, date], ir.Table]
    eligible: str
    describes: str = ""
    extra: tuple[str, ...] = ()
    truth: str = ""
    kind: Kind = "probability"
    monotone: Mapping[str, int] = field(default_factory=dict)
    candidates: tuple[str, ...] = ("linear", "additive", "trees", "blend")
    parameters: Mapping[str, float] = field(default_factory=lambda: dict(DEFAULTS))
    gates: Gates = field(default_factory=Gates)

    @property
    def rule_tags(self) -> list[str]:
        """Tags that decide of whom the question is asked."""
        return _names(self.eligible)

    def asks(self, tags: pd.DataFrame) -> npt.NDArray[np.bool_]:
        """Of whom the question is asked, shape (rows,); never of whom a deciding tag is null."""
        return _holds(self.eligible, tags)

    def asks_of(self, values: Mapping[str, object]) -> bool:
        """Whether it is asked of one customer, from plain values by name."""
        known = {name: values[name] for name in self.rule_tags}
        if any(value is None for value in known.values()):
            return False
        return bool(eval(_code(self.eligible), {"__builtins__": {}}, known))

    def learns(self, frame: pd.DataFrame) -> npt.NDArray[np.bool_]:
        """Labelled rows whose question would have been asked then, about what the tags describe."""
        asked = self.asks(frame)
        return asked & _holds(self.describes, frame) if self.describes else asked


@cache
def _code(expression: str) -> CodeType:
    return compile(expression, "<eligible>", "eval")


@cache
def _names(expression: str) -> list[str]:
    tree = ast.parse(expression, mode="eval")
    return list(dict.fromkeys(n.id for n in ast.walk(tree) if isinstance(n, ast.Name)))


def _holds(expression: str, frame: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Where the expression holds and all it names is known. Zero and false are alike to it."""
    known = frame[_names(expression)].apply(pd.to_numeric).astype("float64")
    truth = np.asarray(known.fillna(0.0).eval(expression, engine="python"), bool)
    return np.asarray(truth & known.notna().to_numpy().all(axis=1))


def _churn(lake: Lake, known_by: date) -> ir.Table:
    grid = labels.grid(known_by, churn_labels.DAYS + churn_labels.GRACE_DAYS)
    return churn_labels.within_180_days(lake, known_by, grid)


def _churn_hazard(lake: Lake, known_by: date) -> ir.Table:
    grid = labels.grid(known_by, churn_labels.MONTH_DAYS + churn_labels.GRACE_DAYS)
    return churn_labels.hazard(lake, known_by, grid)


def _cross_sell(line: str, lake: Lake, known_by: date) -> ir.Table:
    grid = labels.grid(known_by, labels.CROSS_SELL_DAYS)
    return labels.cross_sell(lake, known_by, grid, line)


def _product(line: str, label: str) -> ModelSpec:
    """The purchase of one line by who has motor cover and not this."""
    return ModelSpec(
        name=f"cross_sell_{line}",
        label=f"{label}购买概率",
        service="cross_sell",
        labels=partial(_cross_sell, line),
        eligible=f"motor_policies_in_force > 0 and holds_{line} == 0",
        truth="cross_sell",
        gates=Gates(calibration=0.002, fairness=0.005),
    )


MODELS: dict[str, ModelSpec] = {
    spec.name: spec
    for spec in (
        ModelSpec(
            name="renewal",
            label="续保概率",
            service="renewal",
            labels=labels.renewal,
            eligible="days_to_commercial_expiry >= 0 and commercial_renewal_signed == 0 "
            "and commercial_cancellation_known == 0",
            describes="days_to_commercial_expiry == lead_days",
            extra=("lead_days",),
            truth="renewals",
            monotone=dict.fromkeys(DEARER, -1),
        ),
        ModelSpec(
            name="churn",
            label="180天流失概率",
            service="churn",
            labels=_churn,
            eligible="motor_policies_in_force > 0",
            truth="churn",
        ),
        ModelSpec(
            name="churn_hazard",
            label="月流失风险率",
            service="churn",
            labels=_churn_hazard,
            eligible="motor_policies_in_force > 0",
            extra=("month_ahead",),
            # Cover ends when a term does: month and days to expiry must meet in one tree.
            candidates=("trees", "deep"),
        ),
        ModelSpec(
            name="claim_frequency",
            label="下一年度出险次数",
            service="claims",
            labels=claim_labels.frequency,
            eligible="days_to_commercial_expiry >= 0",
            describes="days_to_commercial_expiry == lead_days",
            kind="count",
            candidates=("linear", "shrunk", "additive", "trees"),
            gates=Gates(calibration=0.05, segment=0.05, fairness=0.15),
        ),
        ModelSpec(
            name="claim_severity",
            label="下一年度案均赔款",
            service="claims",
            labels=claim_labels.severity,
            eligible="days_to_commercial_expiry >= 0",
            describes="days_to_commercial_expiry == lead_days",
            kind="amount",
            candidates=("flat", "shrunk", "trees"),
            gates=Gates(loss=0.01, calibration=0.10, segment=0.10, fairness=0.30),
        ),
        *(_product(line, label) for line, label in NON_MOTOR_LABELS.items()),
    )
}

FAMILIES: dict[str, tuple[str, ...]] = {
    "renewal": ("renewal",),
    "churn": ("churn", "churn_hazard"),
    "claims": ("claim_frequency", "claim_severity"),
    "cross-sell": tuple(name for name in MODELS if name.startswith("cross_sell_")),
}


def find(name: str) -> ModelSpec:
    """The model of that name, or an error that lists the names there are."""
    if name not in MODELS:
        raise GuanjiaError(f"model {name}", "is not declared", did_you_mean(name, MODELS))
    return MODELS[name]
