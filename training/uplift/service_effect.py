"""Does a service that was used keep customers? No lot decided, so this is observational.

One row per commercial term, its tags as of the day it began: what was known before any of its
services could be used. Treated are those who used one by 30 days before expiry; the outcome is the
renewal. The raw difference mixes the effect with whom services attract. The adjusted one weighs
and models what tags knew beforehand (augmented inverse probability weighting, Robins, Rotnitzky and
Zhao 1994; fitted on other customers, Chernozhukov et al. 2018), among those who could have been in
either group (propensity between 0.05 and 0.95, after Crump et al. 2009). What no tag shows, a taste
for service and loyalty, is in it still: it bounds the effect from above where both go with use.
"""

from dataclasses import dataclass
from datetime import date

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from sklearn.model_selection import GroupKFold

from features.errors import GuanjiaError
from features.lake import Lake
from features.online.model_tags import UPLIFT_TAGS
from features.progress import Report, quiet
from features.settings import cutoff
from training.estimators.encoding import Array, Encoding, Flags
from training.estimators.linear import Linear
from training.fitting.datasets import build
from training.labels import questions as labels
from training.model_spec import ModelSpec
from training.uplift.policy import Estimate, doubly_robust, means

LEAD = 30
FOLDS = 5
OVERLAP = (0.05, 0.95)
LEAST_SHARE = 0.5
"""Of rows within the overlap; with fewer, those compared are not those asked about."""
FEWEST = 200


@dataclass(frozen=True)
class ServiceEffect:
    """What goes with a service used, and what is left of it.

    Attributes
    ----------
    label : str
        "observational": no lot decided who used a service.
    rows, customers, used : int
        Terms, whose they are, and in how many a service was used.
    raw : Estimate
        Share renewed with use less that without, no more than that.
    adjusted : Estimate
        The same of customers alike in all that was known beforehand.
    overlap : float
        Share of rows whose propensity lies within `OVERLAP`; the rest is left out of `adjusted`.
    imbalance, imbalance_left : float
        Largest standardised difference of a tag's mean between the groups, before and after
        weighting; below 0.1 is called balanced (Austin 2009).
    differs_most : str
        The tag that differs most before.
    propensity : numpy.ndarray
        Shape (rows,).
    treated : numpy.ndarray of bool
    """

    label: str
    rows: int
    customers: int
    used: int
    raw: Estimate
    adjusted: Estimate
    overlap: float
    imbalance: float
    imbalance_left: float
    differs_most: str
    propensity: Array
    treated: Flags


def service_effect(lake: Lake, known_by: date, report: Report = quiet) -> ServiceEffect:
    """Estimate the effect of using a service on the renewal of the same term.

    Raises
    ------
    GuanjiaError
        If no entitlements are recorded, too few used one, or users and others have too little in
        common to be compared.
    """
    if not lake.has("entitlements"):
        raise GuanjiaError(
            "the effect of services",
            "cannot be seen: the table entitlements is not there",
            "load it and run `guanjia check`",
        )
    asked = ModelSpec(
        name="service_effect",
        label="服务使用效应",
        tag_set=UPLIFT_TAGS,
        labels=used_and_renewed,
        eligible="motor_policies_in_force > 0",
    )
    (data,) = build(lake, [asked], known_by, report)
    report("service_effect: estimate", 0, None)
    return estimate(data.frame, data.features)


def used_and_renewed(lake: Lake, known_by: date) -> ir.Table:
    """One row per commercial term as of its first day: `used` a service, and `label`: renewed.

    A use counts from the day after the term began to 30 days before it expires.
    """
    terms = labels.renewal(lake, known_by)
    terms = terms.filter(terms.lead_days == LEAD).rename(until="cutoff").drop("as_of", "lead_days")
    known = labels.policies_known(lake, known_by).select("policy_id", as_of="inception")
    rows = terms.join(known, "policy_id")
    days = labels.calendar(lake, known_by)
    rows = rows.join(days, rows.as_of == days.day).drop("day")
    end = ibis.literal(cutoff(known_by, lake.settings.timezone))
    uses = lake.table("entitlements")
    uses = uses.filter(
        uses.recorded_at < end,
        uses.superseded_at.isnull() | (uses.superseded_at >= end),
        uses.used_at.notnull(),
    ).select(who="customer_id", used_at="used_at")
    within = rows.join(uses, rows.customer_id == uses.who)
    within = within.filter(within.used_at >= within.cutoff, within.used_at < within.until)
    took = within.select(took="policy_id").distinct()
    found = rows.left_join(took, rows.policy_id == took.took)
    return found.select(
        "customer_id", "as_of", "cutoff", "matures", "policy_id", "expiry", "label",
        used=found.took.notnull(),
    )  # fmt: skip


def estimate(frame: pd.DataFrame, features: list[str]) -> ServiceEffect:
    """The effect on rows with `customer_id`, `used`, `label` and the tags known beforehand."""
    treated = frame["used"].to_numpy(dtype=bool)
    label = frame["label"].to_numpy(dtype=bool)
    used = int(treated.sum())
    if min(used, len(treated) - used) < FEWEST:
        raise GuanjiaError(
            "the effect of services",
            f"has {used:,} terms with a use and {len(treated) - used:,} without; at least {FEWEST} "
            "each are needed",
            "load a longer history",
        )
    encoding = Encoding.learn(frame, features)
    matrix, customers = encoding.matrix(frame), frame["customer_id"]
    propensity, without, with_it = (np.empty(len(frame)) for _ in range(3))
    for rows, held in GroupKFold(FOLDS).split(matrix, groups=customers):
        propensity[held] = _told(matrix, encoding, treated, rows, held)
        for answer, arm in ((without, ~treated), (with_it, treated)):
            answer[held] = _told(matrix, encoding, label, rows[arm[rows]], held)
    kept = (propensity >= OVERLAP[0]) & (propensity <= OVERLAP[1])
    if kept.mean() < LEAST_SHARE:
        raise GuanjiaError(
            "the effect of services",
            f"cannot be told: for {1 - kept.mean():.0%} of the terms what was known beforehand "
            "all but decides whether a service is used",
            "remind customers of their services by lot, and compare who was reminded",
        )
    outcomes = doubly_robust(
        label[kept],
        treated[kept],
        propensity[kept],
        (without[kept], with_it[kept]),
        customers[kept],
    )
    gaps = _imbalance(matrix, encoding, treated, np.ones(len(frame)))
    weight = np.where(treated, 1 / propensity, 1 / (1 - propensity)) * kept
    left = _imbalance(matrix, encoding, treated, weight)
    most = max(gaps, key=lambda name: gaps[name])
    return ServiceEffect(
        label="observational",
        rows=len(frame),
        customers=customers.nunique(),
        used=used,
        raw=_raw(label, treated, customers),
        adjusted=means({"effect": outcomes.effect}, outcomes.customers)["effect"],
        overlap=float(kept.mean()),
        imbalance=gaps[most],
        imbalance_left=max(left.values()),
        differs_most=most,
        propensity=propensity,
        treated=treated,
    )


def _told(matrix: Array, encoding: Encoding, outcome: Flags, rows: Array, held: Array) -> Array:
    """The probability of an outcome of held rows, by a logistic regression of others."""
    fitted = Linear.fit(matrix[rows], encoding, outcome[rows].astype(np.float64))
    return np.asarray(1 / (1 + np.exp(-fitted.score(matrix[held], encoding))), np.float64)


def _raw(label: Flags, treated: Flags, customers: pd.Series) -> Estimate:
    """The plain difference of shares, which is that of arms drawn by lot where there was one."""
    share = treated.mean()
    without, with_it = (np.full(len(label), label[arm].mean()) for arm in (~treated, treated))
    outcomes = doubly_robust(label, treated, float(share), (without, with_it), customers)
    return means({"effect": outcomes.effect}, customers)["effect"]


def _imbalance(
    matrix: Array, encoding: Encoding, treated: Flags, weight: Array
) -> dict[str, float]:
    """Absolute standardised difference of each number's mean between the groups."""
    found = {}
    for place, name in enumerate(encoding.features):
        values = matrix[:, place]
        there = ~np.isnan(values)
        groups = [there & treated, there & ~treated]
        if name in encoding.categories or min(group.sum() for group in groups) < FEWEST:
            continue
        spread = np.sqrt(sum(values[group].var() for group in groups) / 2)
        if spread > 1e-9:
            first, second = (np.average(values[g], weights=weight[g]) for g in groups)
            found[name] = float(abs(first - second) / spread)
    return found
