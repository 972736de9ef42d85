"""What is usual among an insurer's own customers: the constants of the sensitivity tags, measured.

`benchmarks/sensitivity.py` prints them beside those declared. To adopt them, write them into
`features.tags.groups.sensitivity.Population`: scores then change for everyone, as with any new
definition of a tag.
"""

from dataclasses import replace
from datetime import date
from itertools import pairwise

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from features.lake import Lake
from features.lake.spine import Spine, spine_of_customers
from features.snapshots.compute import compute_group
from features.tags.groups.behaviour import INCREASE
from features.tags.groups.sensitivity import LARGEST_CHANGE, USUAL, Population
from features.tags.relations.relations import RELATIONS

STEPS = (0, 30, 90, 180, 365)
FEWEST = 200


def estimate(lake: Lake, as_of: date) -> Population:
    """The population's constants as of a date; as declared where there are too few rows.

    Shares and rates are means, the renewal's log-odds and slope a logistic regression. A spread is
    a moment: if counts have means m exp(b z), z normal, then two counts of the same customer have
    the expected product of m1 m2 exp(b^2). `slope_spread` stays: no insurer has enough renewals of
    one customer to see it.

    Parameters
    ----------
    lake : Lake
        With checked tables; those for quotes, entitlements and interactions may be absent.
    as_of : datetime.date
        What was recorded later is not used.
    """
    spine = spine_of_customers(lake, [as_of])
    found = USUAL
    if lake.has("quotes"):
        found = _renewals(found, _rows(lake, spine, "renewal_offers"))
    if lake.has("entitlements"):
        found = _services(found, _rows(lake, spine, "entitlements"))
    if lake.has("interactions"):
        wanted = ["enquiries_ever", "enquiries_expected_ever"]
        tags = compute_group(lake, spine, "behaviour").select(wanted)
        found = _enquiries(found, tags.to_pandas())
    return found


def _renewals(usual: Population, offers: pd.DataFrame) -> Population:
    paid = offers["premium"].astype("float64")
    change = (offers["offered"].astype("float64") / paid - 1).where(paid > 0, 0.0).fillna(0.0)
    change = change.clip(-LARGEST_CHANGE, LARGEST_CHANGE)
    rise = change > INCREASE - 1
    if min(rise.sum(), (~rise).sum()) < FEWEST or offers["renewed"].nunique() < 2:
        return usual
    further = offers["further_quotes"]
    steady, dearer = float(further[~rise].mean()), float(further[rise].mean())
    expected = pd.Series(np.where(rise, dearer, steady), offers.index)
    fitted = LogisticRegression(C=np.inf).fit(change.to_numpy()[:, None], offers["renewed"])
    return replace(
        usual,
        asked_steady=steady,
        asked_rise=dearer,
        asked_spread=_spread(offers["customer_id"], further, expected),
        renewal_log_odds=float(fitted.intercept_[0]),
        price_slope=float(fitted.coef_[0, 0]),
    )


def _services(usual: Population, granted: pd.DataFrame) -> Population:
    over = granted[pd.to_datetime(granted["expires_on"]) <= pd.to_datetime(granted["as_of"])]
    used = over["used_at"].notna()
    if used.sum() < FEWEST:
        return usual
    shares = used.groupby(over["service_class"]).mean()
    taken = pd.to_datetime(over["used_on"]) - pd.to_datetime(over["granted_on"])
    days = np.sort(taken.dt.days[used].to_numpy())
    steps = [np.arange(low, high) for low, high in pairwise(STEPS)]
    passed = [float(np.searchsorted(days, step, "right").mean()) / len(days) for step in steps]
    return replace(
        usual,
        used_a=float(shares.get("A", usual.used_a)),
        used_b=float(shares.get("B", usual.used_b)),
        used_c=float(shares.get("C", usual.used_c)),
        used_by=(passed[0], passed[1], passed[2], passed[3]),
        used_spread=_spread(over["customer_id"], used, over["service_class"].map(shares)),
    )


def _enquiries(usual: Population, tags: pd.DataFrame) -> Population:
    years = tags["enquiries_expected_ever"] / usual.enquiries
    count = tags["enquiries_ever"][years > 0]
    if count.sum() < FEWEST:
        return usual
    rate = float(count.sum() / years.sum())
    pairs = float((count * (count - 1)).sum()) / float(((rate * years) ** 2).sum())
    return replace(usual, enquiries=rate, enquiries_spread=_root_log(pairs))


def _spread(customer: pd.Series, count: pd.Series, expected: pd.Series) -> float:
    """b, from the products of counts in different rows of the same customer."""
    rows = pd.DataFrame({"count": count.astype("float64"), "expected": expected})
    total = rows.groupby(customer).sum()
    pairs = (total**2).sum() - (rows**2).sum()
    return _root_log(float(pairs["count"] / pairs["expected"])) if pairs["expected"] > 0 else 0.0


def _root_log(ratio: float) -> float:
    return float(np.sqrt(np.log(max(ratio, 1.0))))


def _rows(lake: Lake, spine: Spine, relation: str) -> pd.DataFrame:
    return lake.engine.to_pyarrow(RELATIONS[relation].build(lake, spine)).to_pandas()
