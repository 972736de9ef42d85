"""Compare predicted effects with the true ones of a simulation; only evaluation reads those."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from features.lake import Lake
from training.estimators.encoding import Array
from training.evaluation.intervals import interval
from training.uplift.measures import expected_qini
from training.uplift.policy import resampled

TRAITS = ("response", "price_sensitivity", "service_sensitivity", "loyalty", "risk")


@dataclass(frozen=True)
class TrueEffects:
    """Predicted and true effects compared on the same rows.

    Attributes
    ----------
    rows : int
        Rows with a true effect.
    average : float
        Mean true effect.
    below_zero : float
        Share of rows whose true effect is negative.
    qini, oracle_qini : float
        Expected Qini coefficient of the predicted order, and of the order by true effect.
    share : float
        The first as a share of the second; `share_low`, `share_high` bound 95% of resamples of
        customers.
    correlation : float
        Correlation of predicted and true effects.
    bound_holds, tenths_hold : float
        Share of rows whose true effect is at least the predicted lower bound; the same of the means
        of tenths by predicted effect. A bound does not cover what tags cannot show, so it holds for
        groups and not for every customer.
    told_below_zero : float
        Mean true effect of rows with a negative predicted effect; NaN if there are none.
    """

    rows: int
    average: float
    below_zero: float
    qini: float
    oracle_qini: float
    share: float
    share_low: float
    share_high: float
    correlation: float
    bound_holds: float
    tenths_hold: float
    told_below_zero: float


def true_effects(lake: Lake, treatment: str, policy_ids: pd.Series) -> Array | None:
    """Read what a treatment truly adds to the probability of renewal; None on real data.

    Parameters
    ----------
    lake : Lake
        Home with the truth of a simulation.
    treatment : str
        Name of the treatment.
    policy_ids : pandas.Series
        Terms.

    Returns
    -------
    numpy.ndarray or None
        Shape (terms,); NaN for cancelled terms, whose truth the simulation does not keep.
    """
    path = lake.truth("renewals")
    if not path.exists():
        return None
    column = f"p_renew_{'contacted' if treatment == 'contact' else treatment}"
    truth = pd.read_parquet(path, columns=["policy_id", "p_renew", column]).set_index("policy_id")
    effect = truth[column] - truth["p_renew"]
    return np.asarray(effect.reindex(policy_ids).to_numpy(np.float64))


def against_true_effects(
    lake: Lake, treatment: str, rows: pd.DataFrame, effect: Array, lower: Array, seed: int = 7
) -> TrueEffects | None:
    """Compare predicted effects with true ones; None on real data.

    Parameters
    ----------
    lake : Lake
        Home with the truth of a simulation.
    treatment : str
        Name of the treatment.
    rows : pandas.DataFrame
        `policy_id` and `customer_id` of every row.
    effect, lower : numpy.ndarray
        Shape (rows,): predicted effect, and its lower bound.
    seed : int
        Random seed of the resamples.
    """
    if "policy_id" not in rows:
        return None
    true = true_effects(lake, treatment, rows["policy_id"])
    if true is None or np.isfinite(true).sum() == 0:
        return None
    known = np.isfinite(true)
    true, predicted, bound = true[known], effect[known], lower[known]
    ours, best = expected_qini(true, predicted), expected_qini(true, true)
    shares = [
        expected_qini(true[drawn], predicted[drawn]) / expected_qini(true[drawn], true[drawn])
        for drawn in resampled(rows["customer_id"][known], seed=seed)
    ]
    low, high = interval(np.array(shares))
    varies = np.ptp(predicted) > 0
    tenths = [
        part for part in np.array_split(np.argsort(predicted, kind="stable"), 10) if len(part)
    ]
    return TrueEffects(
        rows=len(true),
        average=float(true.mean()),
        below_zero=float((true < 0).mean()),
        qini=ours,
        oracle_qini=best,
        share=ours / best,
        share_low=low,
        share_high=high,
        correlation=float(np.corrcoef(predicted, true)[0, 1]) if varies else float("nan"),
        bound_holds=float((true >= bound).mean()),
        tenths_hold=float(np.mean([true[t].mean() >= bound[t].mean() for t in tenths])),
        told_below_zero=float(true[predicted < 0].mean())
        if (predicted < 0).any()
        else float("nan"),
    )


def traits(lake: Lake, customers: pd.Series) -> pd.DataFrame | None:
    """Read the latent traits of customers, which tags cannot show; None on real data."""
    path = lake.truth("customers")
    if not path.exists():
        return None
    truth = pd.read_parquet(path, columns=["customer_id", *TRAITS]).set_index("customer_id")
    traits_by_customer = truth.reindex(customers)
    return traits_by_customer.set_axis(customers.index, axis="index")
