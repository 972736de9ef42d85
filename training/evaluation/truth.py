"""The simulation's truth beside what a model tells and what a tag is meant to tell.

Only this module reads the truth, and only to compare; nothing here trains a model.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from features.lake import Lake
from training.estimators.encoding import Array
from training.evaluation.discrimination import auc
from training.evaluation.resampling import RESAMPLES
from training.model_spec import ModelSpec

UNSEEN = ("intention", "price_change", "contacted")


@dataclass(frozen=True)
class Truth:
    """AUC of the true probabilities and of the model on the same rows."""

    rows: int
    auc: float
    model_auc: float


@dataclass(frozen=True)
class Ranks:
    """Spearman's rank correlation; `low` and `high` bound 95% of bootstrap resamples."""

    customers: int
    correlation: float
    low: float
    high: float


def against_truth(lake: Lake, model: ModelSpec, rows: pd.DataFrame, told: Array) -> Truth | None:
    """The true probabilities beside `told` on the rows that have one; None on real data.

    The truth is what drew the outcome: for renewals it knows the price and the contacts to come.
    """
    known = drawn_from(lake, model, rows)
    if known is None:
        return None
    true = known["p"].to_numpy(np.float64)
    there = ~np.isnan(true)
    label = rows["label"].to_numpy(dtype=bool)[there]
    if not len(label) or label.all() or not label.any():
        return None
    return Truth(len(label), auc(label, true[there]), auc(label, told[there]))


def drawn_from(lake: Lake, model: ModelSpec, rows: pd.DataFrame) -> pd.DataFrame | None:
    """What the outcomes of the rows were drawn from, in their order; None on real data.

    Returns
    -------
    pandas.DataFrame
        `p`, the true probability, NaN where none is kept; and as `latent_<name>` what moves it and
        no table shows in time: the customer's traits, and, of a motor renewal, the intention of the
        year, the log of the price change to come, and whether a contact comes.
    """
    path = lake.truth(model.truth)
    if not path.exists():
        return None
    truth = pd.read_parquet(path)
    keys = ["customer_id", "as_of"]
    if "lead_days" in rows:
        keys = ["policy_id", "lead_days"]
        truth = truth[truth["policy_id"].isin(rows["policy_id"])]
        leads = truth.filter(regex=r"^p_\d+d$").columns
        truth = truth.drop(columns="p").melt(
            [name for name in ("policy_id", *UNSEEN) if name in truth], leads, value_name="p"
        )
        truth["lead_days"] = truth["variable"].str.extract(r"(\d+)").astype(int)
    elif "line" in truth:
        sold = model.purpose.line if model.purpose else ""
        truth = truth[truth["line"] == sold]
    kept = [name for name in UNSEEN if name in truth]
    truth = truth[[*keys, "p", *kept]].rename(columns={name: f"latent_{name}" for name in kept})
    truth = truth.assign(**{key: _comparable(truth[key]) for key in keys})
    left = rows[keys].assign(**{key: _comparable(rows[key]) for key in keys})
    joined = left.merge(truth, on=keys, how="left", validate="one_to_one").drop(columns=keys)
    who = pd.read_parquet(lake.truth("customers")).set_index("customer_id").add_prefix("latent_")
    traits = who.reindex(rows["customer_id"]).reset_index(drop=True)
    return pd.concat([joined, traits], axis=1).set_axis(rows.index)


def against_trait(lake: Lake, trait: str, told: pd.Series) -> Ranks | None:
    """A tag beside the latent trait it is meant to tell; None on real data.

    Parameters
    ----------
    trait : str
        A column of the truth about customers, say "price_sensitivity".
    told : pandas.Series of float
        By customer number; who has no value is left out.
    """
    path = lake.truth("customers")
    if not path.exists():
        return None
    true = pd.read_parquet(path, columns=["customer_id", trait]).set_index("customer_id")[trait]
    told = told.dropna()
    return rank_correlation(told.to_numpy(np.float64), true.loc[told.index].to_numpy(np.float64))


def rank_correlation(told: Array, true: Array, seed: int = 7) -> Ranks:
    """How alike two orders of customers are, with its interval; NaN where one is constant."""

    generator, count, found = np.random.default_rng(seed), len(told), []
    samples = [np.arange(count), *(generator.integers(0, count, count) for _ in range(RESAMPLES))]
    for rows in samples if count else []:
        if np.ptp(told[rows]) > 0 and np.ptp(true[rows]) > 0:
            found.append(float(spearmanr(told[rows], true[rows]).statistic))
        elif not found:
            break
    if not found:
        return Ranks(count, float("nan"), float("nan"), float("nan"))
    low, high = np.percentile(found[1:] or found, [2.5, 97.5])
    return Ranks(count, found[0], float(low), float(high))


def _comparable(key: pd.Series) -> pd.Series:
    return pd.to_datetime(key) if key.name == "as_of" else key
