"""Effects as told beside the true ones, which only a simulation knows and only evaluation reads."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from features.lake import Lake
from training.estimators.encoding import Array
from training.evaluation.resampling import interval
from training.uplift.measures import expected_qini
from training.uplift.policy import resampled

TRAITS = ("response", "price_sensitivity", "service_sensitivity", "loyalty", "risk")


@dataclass(frozen=True)
class TrueEffects:
    """Effects told and true on the same rows.

    Attributes
    ----------
    rows : int
    average : float
        The mean true effect.
    below_zero : float
        Share of rows whose true effect is negative.
    qini, oracle_qini : float
        Expected Qini coefficient of the order told, and of the true effects' own order.
    share : float
        The first as a share of the second; `share_low`, `share_high` bound 95% of resamples of
        customers.
    correlation : float
        Of told and true effects.
    bound_holds, tenths_hold : float
        Share of rows whose true effect is at least the lower bound told; of the tenths by effect
        told, the share whose mean is. A bound knows nothing of what tags cannot see, so that it
        holds for groups and not for each customer.
    told_below_zero : float
        Mean true effect where the effect told is negative; NaN where it nowhere is.
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
    """What a treatment truly adds to the probability of each term's renewal; None on real data.

    NaN for terms that were cancelled, of which the simulation keeps no truth.
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
    """Effects told of rows (`policy_id`, `customer_id`) beside the true ones; None on real data."""
    true = true_effects(lake, treatment, rows["policy_id"])
    if true is None or np.isfinite(true).sum() == 0:
        return None
    kept = np.isfinite(true)
    true, told, bound = true[kept], effect[kept], lower[kept]
    ours, best = expected_qini(true, told), expected_qini(true, true)
    shares = [
        expected_qini(true[some], told[some]) / expected_qini(true[some], true[some])
        for some in resampled(rows["customer_id"][kept], seed=seed)
    ]
    low, high = interval(np.array(shares))
    varies = np.ptp(told) > 0
    tenths = [part for part in np.array_split(np.argsort(told, kind="stable"), 10) if len(part)]
    return TrueEffects(
        rows=len(true),
        average=float(true.mean()),
        below_zero=float((true < 0).mean()),
        qini=ours,
        oracle_qini=best,
        share=ours / best,
        share_low=low,
        share_high=high,
        correlation=float(np.corrcoef(told, true)[0, 1]) if varies else float("nan"),
        bound_holds=float((true >= bound).mean()),
        tenths_hold=float(np.mean([true[t].mean() >= bound[t].mean() for t in tenths])),
        told_below_zero=float(true[told < 0].mean()) if (told < 0).any() else float("nan"),
    )


def traits(lake: Lake, customers: pd.Series) -> pd.DataFrame | None:
    """The latent traits of these customers, to see what the tags cannot; None on real data."""
    path = lake.truth("customers")
    if not path.exists():
        return None
    truth = pd.read_parquet(path, columns=["customer_id", *TRAITS]).set_index("customer_id")
    found = truth.reindex(customers)
    return found.set_axis(customers.index, axis="index")
