"""Check that customers were drawn by lot; rows that were not are refused, for no uplift follows.

Every draw must state its probability, equal within an arm; the sizes of the arms must agree with
them; and nothing known of the customers before the draw may predict their arm. So a classifier of
the arms does no better on customers it has not seen than chance (Lopez-Paz and Oquab 2017,
"Revisiting Classifier Two-Sample Tests"); no tag's mean differs between the arms by more than
chance; and both arms would have renewed alike if left alone, as far as tags predict it (Hansen
2008, "The prognostic analogue of the propensity score"): their difference would pass for an effect.
Each of the four tests refuses a true lot one time in a thousand.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import pandas as pd
from scipy.stats import chi2, norm
from sklearn.model_selection import GroupKFold

from features.errors import GuanjiaError
from training.estimators.encoding import Array, Encoding, Flags
from training.uplift.randomised_trials import CURE

FALSE_ALARMS = 0.001
FOLDS = 5
FEWEST = 200
ROUNDS = 60


class NoLotError(GuanjiaError):
    """Rows were not drawn by lot."""


@dataclass(frozen=True)
class Randomisation:
    """Figures of the check whether rows were drawn by lot.

    Attributes
    ----------
    rows : dict[str, int]
        Rows by arm.
    probabilities : dict[str, float]
        Stated probability by arm.
    share_p : float
        Probability of arms as uneven as these if the stated probabilities are true.
    auc, auc_limit : float
        AUC of a classifier of the arms on customers it has not seen; limit of chance.
    difference, difference_limit : float
        Largest standardised difference of a tag's mean between the arms; limit of chance.
    differs_most : str
        The tag with that difference.
    renews_anyway, renews_anyway_limit : float
        By how much more the treated would have renewed if left alone, predicted by a model of the
        control group for customers it has not seen; limit of chance, either way.
    """

    rows: dict[str, int]
    probabilities: dict[str, float]
    share_p: float
    auc: float
    auc_limit: float
    difference: float
    difference_limit: float
    differs_most: str
    renews_anyway: float
    renews_anyway_limit: float

    @property
    def faults(self) -> list[str]:
        """Faults of the draw in words, with figures; empty if there are none."""
        faults = []
        if self.share_p < FALSE_ALARMS:
            total = sum(self.probabilities.values())
            stated = {arm: p / total for arm, p in self.probabilities.items()}
            shares = {arm: n / sum(self.rows.values()) for arm, n in self.rows.items()}
            differences = ", ".join(
                f"{shares[arm]:.1%} {arm} where {stated[arm]:.1%} is stated" for arm in shares
            )
            faults.append(f"fall to the arms otherwise than stated: {differences}")
        if self.auc > self.auc_limit:
            faults.append(
                "could be told apart before the draw: tags tell the arm with an AUC of "
                f"{self.auc:.3f}, chance stays below {self.auc_limit:.3f}"
            )
        if self.difference > self.difference_limit:
            faults.append(
                f"differ before the draw: {self.differs_most} by {self.difference:.3f} standard "
                f"deviations, chance stays below {self.difference_limit:.3f}"
            )
        if abs(self.renews_anyway) > self.renews_anyway_limit:
            faults.append(
                f"would have renewed otherwise if left alone: by {self.renews_anyway:+.2%} as tags "
                f"tell, chance stays below {self.renews_anyway_limit:.2%}"
            )
        return faults


def check(frame: pd.DataFrame, features: list[str], control: str, treatment: str) -> Randomisation:
    """Check that rows were drawn by lot as they state.

    Parameters
    ----------
    frame : pandas.DataFrame
        `customer_id`, `arm`, `probability`, `label`, and tags as known before the draw.
    features : list of str
        Tags to compare.
    control, treatment : str
        Names of the two arms.

    Raises
    ------
    GuanjiaError
        With the figures, if the rows cannot have been drawn by lot as stated, or are too few.
    """
    stated = _stated(frame, (control, treatment))
    treated = (frame["arm"] == treatment).to_numpy()
    count = {arm: int((frame["arm"] == arm).sum()) for arm in (control, treatment)}
    if min(count.values()) < FEWEST:
        raise GuanjiaError(
            f"the trial of {treatment}",
            f"has {count[treatment]:,} rows treated and {count[control]:,} not, at least {FEWEST} "
            "each are needed",
            "load a longer history, or draw more customers by lot",
        )
    encoding = Encoding.learn(frame, features)
    matrix = encoding.matrix(frame)
    auc, limit = _arm_auc(matrix, treated, frame["customer_id"])
    anyway, anyway_limit = _renews_anyway(matrix, treated, frame)
    names, differences = _differences(matrix, treated, encoding)
    most = int(np.argmax(differences))
    randomisation = Randomisation(
        rows=count,
        probabilities=stated,
        share_p=_share_p(count, stated),
        auc=auc,
        auc_limit=limit,
        difference=float(differences[most]),
        difference_limit=_largest_by_chance(len(differences), count),
        differs_most=names[most],
        renews_anyway=anyway,
        renews_anyway_limit=anyway_limit,
    )
    if randomisation.faults:
        raise refusal(randomisation.faults)
    return randomisation


def refusal(faults: list[str]) -> NoLotError:
    """Make the error that lists why the rows were not drawn by lot."""
    return NoLotError(
        "the contacts",
        f"were not drawn by lot, so this is no uplift: they {'; they '.join(faults)}",
        CURE,
    )


def _stated(frame: pd.DataFrame, arms: tuple[str, str]) -> dict[str, float]:
    missing = int(frame["probability"].isna().sum())
    if missing:
        raise refusal([f"state no probability in {missing:,} of {len(frame):,} rows"])
    probabilities = {}
    for arm in arms:
        values = frame.loc[frame["arm"] == arm, "probability"].unique()
        if len(values) > 1:
            raise GuanjiaError(
                f"arm {arm}",
                f"states {len(values)} different probabilities",
                "give each lot a trial of its own",
            )
        probabilities[arm] = float(values[0]) if len(values) else 0.0
    if min(probabilities.values()) <= 0 or sum(probabilities.values()) > 1 + 1e-9:
        listed = ", ".join(f"{arm} {value:g}" for arm, value in probabilities.items())
        raise refusal([f"state probabilities that no lot has: {listed}"])
    return probabilities


def _share_p(count: Mapping[str, int], stated: Mapping[str, float]) -> float:
    total, stated_sum = sum(count.values()), sum(stated.values())
    expected = {arm: total * p / stated_sum for arm, p in stated.items()}
    distance = sum((count[arm] - e) ** 2 / e for arm, e in expected.items())
    return float(chi2.sf(distance, len(count) - 1))


def _arm_auc(matrix: Array, treated: Flags, customers: pd.Series) -> tuple[float, float]:
    """Return the AUC of the arms on held-out customers, and the limit of chance."""
    predicted = _cross_predict(matrix, treated, np.ones(len(treated), bool), customers)
    number, others = treated.sum(), (~treated).sum()
    ranks = pd.Series(predicted).rank().to_numpy()
    auc = (ranks[treated].sum() - number * (number + 1) / 2) / (number * others)
    # Standard deviation of Wilcoxon's statistic if nothing tells the arms apart.
    spread = np.sqrt((number + others + 1) / (12 * number * others))
    return float(auc), float(0.5 + norm.isf(FALSE_ALARMS) * spread)


def _renews_anyway(matrix: Array, treated: Flags, frame: pd.DataFrame) -> tuple[float, float]:
    """Return how much more the treated would renew untreated, and the limit of chance."""
    label = frame["label"].to_numpy(dtype=bool)
    predicted = _cross_predict(matrix, label, ~treated, frame["customer_id"], ranks=False)
    spread = predicted.std() * np.sqrt(1 / treated.sum() + 1 / (~treated).sum())
    gap = predicted[treated].mean() - predicted[~treated].mean()
    return float(gap), float(norm.isf(FALSE_ALARMS / 2) * spread)


def _cross_predict(
    matrix: Array, label: Flags, trains: Flags, customers: pd.Series, *, ranks: bool = True
) -> Array:
    """Predict every fold of customers by a model of the training rows of the other folds."""
    settings = {
        "objective": "binary", "num_leaves": 4, "learning_rate": 0.05, "min_data_in_leaf": 50,
        "feature_fraction": 0.5, "seed": 7, "deterministic": True, "force_row_wise": True,
        "num_threads": 1, "verbosity": -1,
    }  # fmt: skip
    predictions = np.empty(len(label))
    for rows, fold in GroupKFold(FOLDS).split(matrix, groups=customers):
        part = rows[trains[rows]]
        data = lgb.Dataset(matrix[part], label[part].astype(np.float64))
        scores = np.asarray(lgb.train(settings, data, ROUNDS).predict(matrix[fold], num_threads=1))
        # The level differs by fold: compare ranks, or differences from the mean of the fold.
        rank = (pd.Series(scores).rank().to_numpy() - 0.5) / len(fold)
        predictions[fold] = rank if ranks else scores - scores.mean()
    return predictions


def _differences(matrix: Array, treated: Flags, encoding: Encoding) -> tuple[list[str], Array]:
    """Calculate absolute standardised differences of means of numbers, categories and gaps."""
    names, columns = [], []
    for place, name in enumerate(encoding.features):
        values = matrix[:, place]
        missing = np.isnan(values)
        if name in encoding.categories:
            for code, category in enumerate(encoding.categories[name]):
                names.append(f"{name} {category}")
                columns.append((values == code).astype(np.float64))
        else:
            # By ranks, so that one claim of a million is not the whole difference.
            names.append(name)
            columns.append(pd.Series(values).rank(pct=True).fillna(0.5).to_numpy())
        if missing.any():
            names.append(f"{name} missing")
            columns.append(missing.astype(np.float64))
    table = np.column_stack(columns)
    gaps = np.abs(table[treated].mean(axis=0) - table[~treated].mean(axis=0))
    spread = np.sqrt((table[treated].var(axis=0) + table[~treated].var(axis=0)) / 2)
    # Rounding errors would give a constant column a difference.
    return names, np.divide(gaps, spread, out=np.zeros_like(gaps), where=spread > 1e-6)


def _largest_by_chance(tags: int, count: Mapping[str, int]) -> float:
    """Return what the largest of some differences exceeds one time in a thousand (Bonferroni)."""
    spread = np.sqrt(sum(1 / n for n in count.values()))
    return float(norm.isf(FALSE_ALARMS / tags / 2) * spread)
