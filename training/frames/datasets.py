"""Declare the model of a frame, split its rows, and refuse what would give the outcome away."""

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import date

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from features.errors import GuanjiaError
from features.lake import Lake
from features.online.model_tags import TagSet
from training.dataset import Dataset
from training.estimators.encoding import Flags
from training.estimators.losses import Kind
from training.estimators.parts import BLEND, PARTS
from training.evaluation.discrimination import auc, gini
from training.evaluation.leaks import single_tags
from training.fitting.datasets import split_by_groups, split_by_time
from training.fitting.provenance import data_identity
from training.frames.columns import FrameRows
from training.model_spec import DEFAULTS, ModelSpec
from training.models import MODELS

COMPETING: Mapping[Kind, tuple[str, ...]] = {
    "probability": ("linear", "shrunk", "additive", "trees", "deep", "blend"),
    "count": ("linear", "shrunk", "additive", "trees", "blend"),
    "amount": ("flat", "shrunk", "trees"),
}
"""Candidates that compete where the caller names none, as in the declared models of that kind."""
KINDS: tuple[Kind, ...] = ("probability", "count", "amount")
PERFECT = 0.999
"""A column that ranks outcomes this well, as a share of the outcome itself, holds the outcome."""
FEWEST_IN_LEAF, LEAVES = 5, 50
"""Fewest rows of a leaf; as many leaves of the fewest rows as the rows must suffice for."""
NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


def declare_frame(
    name: str,
    label: str,
    kind: Kind,
    features: list[str],
    rows: int,
    *,
    monotone: Mapping[str, int] | None = None,
    candidates: tuple[str, ...] | None = None,
    parameters: Mapping[str, float] | None = None,
) -> ModelSpec:
    """Declare the model of a frame.

    Parameters
    ----------
    name, label : str
        Name in files; title.
    kind : {"probability", "count", "amount"}
        What is predicted.
    features : list of str
        Columns it reads.
    rows : int
        Rows to learn from: of few, a leaf of the trees may hold fewer.
    monotone, candidates, parameters
        As `fit` takes them.

    Raises
    ------
    GuanjiaError
        If the name cannot be that of a file or belongs to a declared model, or a candidate or a
        feature is not known.
    """
    if not NAME.fullmatch(name):
        raise GuanjiaError(
            f"model {name}",
            "has a name that files and addresses cannot bear",
            "give `name` in small letters, digits and underscores",
        )
    if name in MODELS:
        raise GuanjiaError(f"model {name}", "is a declared model", "give another `name`")
    for candidate in candidates or ():
        if candidate not in {*PARTS, BLEND}:
            listed = ", ".join([*PARTS, BLEND])
            raise GuanjiaError(f"candidate {candidate}", "is not known", f"use some of {listed}")
    if candidates and set(candidates) == {BLEND}:
        raise GuanjiaError(
            f"candidates {BLEND}", "name no part to blend", "name parts too, as linear and trees"
        )
    for feature, sign in (monotone or {}).items():
        if feature not in features or sign not in (-1, 1):
            raise GuanjiaError(
                f"monotone {feature}: {sign}", "names no feature, or no direction", "give 1 or -1"
            )
    leaf = min(DEFAULTS["min_data_in_leaf"], max(FEWEST_IN_LEAF, rows // LEAVES))
    return ModelSpec(
        name=name,
        label=label,
        tag_set=TagSet(name, tuple(features)),
        labels=_no_labels,
        eligible="",
        kind=kind,
        monotone=monotone or {},
        candidates=candidates or COMPETING[kind],
        parameters={**DEFAULTS, "min_data_in_leaf": leaf, **(parameters or {})},
    )


def dataset_of(rows: FrameRows, model: ModelSpec) -> Dataset:
    """Split the rows: by time where they have dates, else by groups.

    Raises
    ------
    GuanjiaError
        If there are too few rows, or too short a time, for three slices.
    """
    frame = rows.frame
    split = (split_by_time if "as_of" in frame else split_by_groups)(frame, model.name)
    identity = json.dumps(data_identity(frame), sort_keys=True)
    digest = hashlib.sha256(identity.encode()).hexdigest()
    return Dataset(frame, model.features, model.features, split, None, digest, {}, len(frame))


def known_by(data: Dataset) -> date | None:
    """Return the day by which all outcomes of the rows are known; None without dates."""
    if "matures" not in data.frame:
        return None
    newest: date = pd.Timestamp(data.frame["matures"].max()).date()
    return newest


def refuse_leaks(data: Dataset, kind: Kind) -> None:
    """Refuse a column that alone ranks all outcomes: it holds the outcome, or follows from it.

    Raises
    ------
    GuanjiaError
        If there is such a column, in the rows to learn from and in those to test on alike.
    """
    orders = [
        _orders_alone(data, data.split.train, rows, kind)
        for rows in (data.split.train, data.split.test)
    ]
    for name in data.features:
        reach = min(by_column.get(name, 0.0) for by_column in orders)
        if reach >= PERFECT:
            raise GuanjiaError(
                f"column {name}",
                "alone ranks the outcomes without a fault: it holds the outcome, or what is known "
                "only after it",
                "leave it out of `features`",
            )


def _orders_alone(data: Dataset, train: Flags, rows: Flags, kind: Kind) -> dict[str, float]:
    """Return how well each column alone ranks rows, 1 being as well as the outcome itself."""
    label = data.frame["label"].to_numpy(np.float64)
    seen = label[rows]
    if len(np.unique(seen)) < 2:
        return {}
    best = auc(seen, seen) if kind == "probability" else gini(seen, seen)
    chance = 0.5 if kind == "probability" else 0.0
    ranked = single_tags(data.frame, train, rows, data.features, best, kind, top=len(data.features))
    return {tag.name: (tag.order - chance) / (best - chance) for tag in ranked}


def _no_labels(_lake: Lake, _known_by: date) -> ir.Table:
    raise GuanjiaError(
        "this model",
        "learned from a frame of its owner's, and no table holds its outcomes",
        "call `training.frames.fit` with the newer frame",
    )
