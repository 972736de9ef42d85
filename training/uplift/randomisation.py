"""Were the customers drawn by lot? What is no trial is not called uplift, it is refused.

Every draw must state its probability, one for each arm; the arms' numbers must be what these say;
and nothing known of the customers before the draw may tell who was drawn. So a classifier of the
arms does no better on customers it has not seen than chance (Lopez-Paz and Oquab 2017, "Revisiting
Classifier Two-Sample Tests"); no tag's mean differs between the arms by more than chance gives;
and both arms would have renewed alike if left alone, as far as tags tell (Hansen 2008, "The
prognostic analogue of the propensity score"): their difference would pass for an effect.
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
from training.uplift.trials import CURE

FALSE_ALARMS = 0.001
FOLDS = 5
FEWEST = 200
ROUNDS = 60


@dataclass(frozen=True)
class Randomisation:
    """What the check of a lot found.

    Attributes
    ----------
    rows : dict[str, int]
        Rows by arm.
    probabilities : dict[str, float]
        As stated, by arm.
    share_p : float
        Probability of numbers as uneven as these, were the stated ones true.
    auc, auc_limit : float
        Of a classifier of the arms on customers it has not seen; what chance stays below.
    difference, difference_limit : float
        Largest standardised difference of a tag's mean between the arms; what chance stays below.
    differs_most : str
        That tag.
    renews_anyway, renews_anyway_limit : float
        By how much more the treated would have renewed if left alone, as a model of the control
        group expects of customers it has not seen; what chance stays below, either way.
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
        """What speaks against a lot, with figures; empty where nothing does."""
        found = []
        if self.share_p < FALSE_ALARMS:
            total = sum(self.probabilities.values())
            stated = {arm: p / total for arm, p in self.probabilities.items()}
            made = {arm: n / sum(self.rows.values()) for arm, n in self.rows.items()}
            told = ", ".join(
                f"{made[arm]:.1%} {arm} where {stated[arm]:.1%} is stated" for arm in made
            )
            found.append(f"fall to the arms otherwise than stated: {told}")
        if self.auc > self.auc_limit:
            found.append(
                "could be told apart before the draw: tags tell the arm with an AUC of "
                f"{self.auc:.3f}, chance stays below {self.auc_limit:.3f}"
            )
        if self.difference > self.difference_limit:
            found.append(
                f"differ before the draw: {self.differs_most} by {self.difference:.3f} standard "
                f"deviations, chance stays below {self.difference_limit:.3f}"
            )
        if abs(self.renews_anyway) > self.renews_anyway_limit:
            found.append(
                f"would have renewed otherwise if left alone: by {self.renews_anyway:+.2%} as tags "
                f"tell, chance stays below {self.renews_anyway_limit:.2%}"
            )
        return found


def check(frame: pd.DataFrame, features: list[str], control: str, treatment: str) -> Randomisation:
    """Hold rows against a lot, or refuse them.

    Parameters
    ----------
    frame : pandas.DataFrame
        `customer_id`, `arm`, `probability`, `label`, and tags as known before the draw.
    features : list of str
        The tags to compare.

    Raises
    ------
    GuanjiaError
        With the figures, if these rows cannot have been drawn by lot as stated.
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
    told, limit = _told_apart(matrix, treated, frame["customer_id"])
    anyway, anyway_limit = _renews_anyway(matrix, treated, frame)
    names, differences = _differences(matrix, treated, encoding)
    most = int(np.argmax(differences))
    found = Randomisation(
        rows=count,
        probabilities=stated,
        share_p=_share_p(count, stated),
        auc=told,
        auc_limit=limit,
        difference=float(differences[most]),
        difference_limit=_largest_by_chance(len(differences), count),
        differs_most=names[most],
        renews_anyway=anyway,
        renews_anyway_limit=anyway_limit,
    )
    if found.faults:
        raise refusal(found.faults)
    return found


def refusal(faults: list[str]) -> GuanjiaError:
    """The error that says why this is not uplift."""
    return GuanjiaError(
        "the contacts",
        f"were not drawn by lot, so this is no uplift: they {'; they '.join(faults)}",
        CURE,
    )


def _stated(frame: pd.DataFrame, arms: tuple[str, str]) -> dict[str, float]:
    missing = int(frame["probability"].isna().sum())
    if missing:
        raise refusal([f"state no probability in {missing:,} of {len(frame):,} rows"])
    found = {}
    for arm in arms:
        values = frame.loc[frame["arm"] == arm, "probability"].unique()
        if len(values) > 1:
            raise GuanjiaError(
                f"arm {arm}",
                f"states {len(values)} different probabilities",
                "give each lot a trial of its own",
            )
        found[arm] = float(values[0]) if len(values) else 0.0
    if min(found.values()) <= 0 or sum(found.values()) > 1 + 1e-9:
        told = ", ".join(f"{arm} {value:g}" for arm, value in found.items())
        raise refusal([f"state probabilities that no lot has: {told}"])
    return found


def _share_p(count: Mapping[str, int], stated: Mapping[str, float]) -> float:
    total, whole = sum(count.values()), sum(stated.values())
    expected = {arm: total * p / whole for arm, p in stated.items()}
    distance = sum((count[arm] - e) ** 2 / e for arm, e in expected.items())
    return float(chi2.sf(distance, len(count) - 1))


def _told_apart(matrix: Array, treated: Flags, customers: pd.Series) -> tuple[float, float]:
    """AUC on held-out customers, and what chance exceeds one time in a thousand."""
    told = _unseen(matrix, treated, np.ones(len(treated), bool), customers)
    number, others = treated.sum(), (~treated).sum()
    ranks = pd.Series(told).rank().to_numpy()
    auc = (ranks[treated].sum() - number * (number + 1) / 2) / (number * others)
    # Of Wilcoxon's statistic where nothing tells the arms apart.
    spread = np.sqrt((number + others + 1) / (12 * number * others))
    return float(auc), float(0.5 + norm.isf(FALSE_ALARMS) * spread)


def _renews_anyway(matrix: Array, treated: Flags, frame: pd.DataFrame) -> tuple[float, float]:
    """Difference of what the control group's model expects of the arms, and chance's limit."""
    label = frame["label"].to_numpy(dtype=bool)
    told = _unseen(matrix, label, ~treated, frame["customer_id"], ranks=False)
    spread = told.std() * np.sqrt(1 / treated.sum() + 1 / (~treated).sum())
    gap = told[treated].mean() - told[~treated].mean()
    return float(gap), float(norm.isf(FALSE_ALARMS / 2) * spread)


def _unseen(
    matrix: Array, label: Flags, teaches: Flags, customers: pd.Series, *, ranks: bool = True
) -> Array:
    """What models of the rows that teach say of customers they have not seen, fold by fold."""
    settings = {
        "objective": "binary", "num_leaves": 4, "learning_rate": 0.05, "min_data_in_leaf": 50,
        "feature_fraction": 0.5, "seed": 7, "deterministic": True, "force_row_wise": True,
        "num_threads": 1, "verbosity": -1,
    }  # fmt: skip
    found = np.empty(len(label))
    for rows, held in GroupKFold(FOLDS).split(matrix, groups=customers):
        part = rows[teaches[rows]]
        data = lgb.Dataset(matrix[part], label[part].astype(np.float64))
        told = np.asarray(lgb.train(settings, data, ROUNDS).predict(matrix[held], num_threads=1))
        # Each fold's model has a level of its own: ranks, or what is above it.
        rank = (pd.Series(told).rank().to_numpy() - 0.5) / len(held)
        found[held] = rank if ranks else told - told.mean()
    return found


def _differences(matrix: Array, treated: Flags, encoding: Encoding) -> tuple[list[str], Array]:
    """Absolute standardised differences of means: numbers, categories, and what is missing."""
    names, columns = [], []
    for place, name in enumerate(encoding.features):
        values = matrix[:, place]
        gone = np.isnan(values)
        if name in encoding.categories:
            for code, category in enumerate(encoding.categories[name]):
                names.append(f"{name} {category}")
                columns.append((values == code).astype(np.float64))
        else:
            # By ranks, so that one claim of a million is not the whole difference.
            names.append(name)
            columns.append(pd.Series(values).rank(pct=True).fillna(0.5).to_numpy())
        if gone.any():
            names.append(f"{name} missing")
            columns.append(gone.astype(np.float64))
    table = np.column_stack(columns)
    gaps = np.abs(table[treated].mean(axis=0) - table[~treated].mean(axis=0))
    spread = np.sqrt((table[treated].var(axis=0) + table[~treated].var(axis=0)) / 2)
    # Of a constant, rounding would make a difference.
    return names, np.divide(gaps, spread, out=np.zeros_like(gaps), where=spread > 1e-6)


def _largest_by_chance(tags: int, count: Mapping[str, int]) -> float:
    """What the largest of so many differences exceeds one time in a thousand (Bonferroni)."""
    spread = np.sqrt(sum(1 / n for n in count.values()))
    return float(norm.isf(FALSE_ALARMS / tags / 2) * spread)
