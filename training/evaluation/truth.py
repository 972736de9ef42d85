"""Compare predictions and tags with the truth of a simulated insurer.

Only this module reads the truth, and only to compare; nothing here trains a model.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtri
from scipy.stats import spearmanr

from features.lake import Lake
from features.sources.simulation.terms import unsigned
from training.estimators.encoding import Array
from training.evaluation.discrimination import auc
from training.evaluation.intervals import CONFIDENCE
from training.model_spec import ModelSpec

UNSEEN = ("intention", "price_change", "contacted")
"""Columns of the truth that no table shows before the outcome."""


@dataclass(frozen=True)
class Truth:
    """AUC of the true probabilities (`auc`) and of the model (`model_auc`) on the same rows."""

    rows: int
    auc: float
    model_auc: float


@dataclass(frozen=True)
class RankCorrelation:
    """Spearman's rank correlation; `low` and `high` are its 95% interval."""

    customers: int
    correlation: float
    low: float
    high: float


def compare_with_truth(
    lake: Lake, model: ModelSpec, rows: pd.DataFrame, predicted: Array
) -> Truth | None:
    """Compare predictions with the true probabilities, on the rows that have one.

    The true probability is the one the outcome was drawn with: for renewals it knows the price and
    the contacts to come.

    Parameters
    ----------
    lake : Lake
        The home of a simulated insurer.
    model : ModelSpec
        The model whose question is compared.
    rows : pandas.DataFrame
        The questions, with `label`.
    predicted : numpy.ndarray
        Shape (rows,): predicted probabilities.

    Returns
    -------
    Truth or None
        None on real data, or if all outcomes are the same.
    """
    known = read_truth(lake, model, rows)
    if known is None:
        return None
    true = known["p"].to_numpy(np.float64)
    there = ~np.isnan(true)
    label = rows["label"].to_numpy(dtype=bool)[there]
    if not len(label) or label.all() or not label.any():
        return None
    return Truth(len(label), auc(label, true[there]), auc(label, predicted[there]))


def read_truth(lake: Lake, model: ModelSpec, rows: pd.DataFrame) -> pd.DataFrame | None:
    """Read the true probabilities of rows, and what moves them; None on real data.

    Parameters
    ----------
    lake : Lake
        The home of a simulated insurer.
    model : ModelSpec
        The model whose question the rows ask.
    rows : pandas.DataFrame
        The questions: `customer_id`, `as_of`, and of renewals `policy_id` and `lead_days`.

    Returns
    -------
    pandas.DataFrame or None
        In the order of the rows: `p`, the true probability, NaN where the truth has none; and as
        `latent_<name>` what moves it and no table shows in time: the customer's traits, and for a
        motor renewal the intention of the year, the log of the price change to come, and whether a
        contact comes.
    """
    path = lake.truth(model.truth)
    if not path.exists():
        return None
    truth = pd.read_parquet(path)
    keys = ["customer_id", "as_of"]
    if "lead_days" in rows:
        keys = ["policy_id"]
    elif "line" in truth:
        sold = model.purpose.line if model.purpose else ""
        truth = truth[truth["line"] == sold]
    unseen = [name for name in UNSEEN if name in truth]
    latent = {name: f"latent_{name}" for name in unseen}
    truth = truth[[*keys, "p", *unseen]].rename(columns=latent)
    truth = truth.assign(**{key: _comparable(truth[key]) for key in keys})
    left = rows[keys].assign(**{key: _comparable(rows[key]) for key in keys})
    joined = left.merge(truth, on=keys, how="left", validate="many_to_one").drop(columns=keys)
    if "lead_days" in rows:
        # Who has not signed so many days before expiry is the less likely to.
        joined["p"] = unsigned(joined["p"].to_numpy(), rows["lead_days"].to_numpy(np.float64))
    who = pd.read_parquet(lake.truth("customers")).set_index("customer_id").add_prefix("latent_")
    traits = who.reindex(rows["customer_id"]).reset_index(drop=True)
    return pd.concat([joined, traits], axis=1).set_axis(rows.index)


def correlate_with_trait(lake: Lake, trait: str, estimated: pd.Series) -> RankCorrelation | None:
    """Compare a tag with the latent trait it is meant to estimate; None on real data.

    Parameters
    ----------
    lake : Lake
        The home of a simulated insurer.
    trait : str
        A column of the truth about customers, such as "price_sensitivity".
    estimated : pandas.Series of float
        The tag, by customer id; customers without a value are left out.
    """
    path = lake.truth("customers")
    if not path.exists():
        return None
    true = pd.read_parquet(path, columns=["customer_id", trait]).set_index("customer_id")[trait]
    known = estimated.dropna()
    return rank_correlation(known.to_numpy(np.float64), true.loc[known.index].to_numpy(np.float64))


def rank_correlation(predicted: Array, true: Array) -> RankCorrelation:
    """Compute Spearman's rank correlation with its interval; NaN if either side is constant.

    The interval is normal on Fisher's scale, with the variance of Bonett and Wright (2000, "Sample
    size requirements for estimating Pearson, Kendall and Spearman correlations").

    Parameters
    ----------
    predicted, true : numpy.ndarray
        Shape (customers,): estimated and true values.
    """
    count = len(predicted)
    if count < 4 or not np.ptp(predicted) or not np.ptp(true):
        return RankCorrelation(count, float("nan"), float("nan"), float("nan"))
    correlation = float(spearmanr(predicted, true).statistic)
    deviation = np.sqrt((1 + correlation**2 / 2) / (count - 3))
    away = ndtri((1 + CONFIDENCE) / 2) * deviation
    middle = np.arctanh(np.clip(correlation, -1 + 1e-12, 1 - 1e-12))
    low, high = np.tanh([middle - away, middle + away])
    return RankCorrelation(count, correlation, float(low), float(high))


def _comparable(key: pd.Series) -> pd.Series:
    return pd.to_datetime(key) if key.name == "as_of" else key
