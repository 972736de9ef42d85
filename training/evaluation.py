"""How good a model is: figures with intervals, baselines beside them, and plots.

Only this module reads the simulation's truth, and only to compare; nothing here trains the model.
"""

from dataclasses import dataclass
from pathlib import Path

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from scipy.stats import spearmanr
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from features.lake import Lake
from training.calibration import TINY
from training.encoding import Array, Encoding
from training.models import ModelSpec

Flags = npt.NDArray[np.bool_]
RESAMPLES = 200
BINS = 10


@dataclass(frozen=True)
class Figures:
    """Quality on one slice. `auc_low` and `auc_high` bound 95% of bootstrap resamples."""

    rows: int
    base_rate: float
    auc: float
    auc_low: float
    auc_high: float
    log_loss: float
    brier: float
    ece: float
    lift: float


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


def evaluate(label: Flags, told: Array, customers: pd.Series, seed: int = 7) -> Figures:
    """Figures of probabilities `told` against outcomes; resamples draw customers, not rows."""
    low, high = interval(label, told, customers, seed)
    return Figures(
        rows=len(label),
        base_rate=float(label.mean()),
        auc=auc(label, told),
        auc_low=low,
        auc_high=high,
        log_loss=log_loss(label, told),
        brier=float(np.mean((told - label) ** 2)),
        ece=expected_calibration_error(label, told),
        lift=float(gain_table(label, told)["lift"].iloc[0]),
    )


def auc(label: Flags, told: Array) -> float:
    """Area under the ROC curve; NaN where all outcomes are the same."""
    if label.all() or not label.any():
        return float("nan")
    return float(roc_auc_score(label, told))


def log_loss(label: Flags, told: Array) -> float:
    """Mean negative log likelihood."""
    sure = np.clip(told, TINY, 1 - TINY)
    return float(-np.mean(np.where(label, np.log(sure), np.log1p(-sure))))


def expected_calibration_error(label: Flags, told: Array, bins: int = BINS) -> float:
    """Mean distance of told and observed share over bins of equal size."""
    table = calibration_table(label, told, bins)
    gaps = (table["told"] - table["observed"]).abs()
    return float((gaps * table["rows"]).sum() / table["rows"].sum())


def calibration_table(label: Flags, told: Array, bins: int = BINS) -> pd.DataFrame:
    """Told and observed share in bins of equal size, lowest first."""
    parts = np.array_split(np.argsort(told, kind="stable"), min(bins, len(label)))
    rows = [(len(p), float(told[p].mean()), float(label[p].mean())) for p in parts]
    return pd.DataFrame(rows, columns=["rows", "told", "observed"])


def gain_table(label: Flags, told: Array, bins: int = BINS) -> pd.DataFrame:
    """Of each tenth, highest told first: outcomes found, share of all found so far, lift."""
    parts = np.array_split(np.argsort(-told, kind="stable"), min(bins, len(label)))
    total = max(int(label.sum()), 1)
    found = 0
    rows = []
    for part in parts:
        hits = int(label[part].sum())
        found += hits
        base = float(label.mean())
        lift = hits / len(part) / base if base else float("nan")
        rows.append((len(part), hits, found / total, lift))
    return pd.DataFrame(rows, columns=["rows", "hits", "found", "lift"])


def interval(label: Flags, told: Array, customers: pd.Series, seed: int = 7) -> tuple[float, float]:
    """The 2.5 and 97.5 percentile of the AUC over resamples of customers."""
    codes = pd.factorize(customers)[0]
    order = np.argsort(told, kind="stable")
    hit, code, score = label[order], codes[order], told[order]
    starts = np.flatnonzero(np.r_[True, score[1:] != score[:-1]])
    generator = np.random.default_rng(seed)
    people = int(codes.max()) + 1
    found = []
    for _ in range(RESAMPLES):
        drawn = np.bincount(generator.integers(0, people, people), minlength=people)
        weight = drawn[code].astype(np.float64)
        yes = np.add.reduceat(weight * hit, starts)
        no = np.add.reduceat(weight * ~hit, starts)
        if yes.sum() and no.sum():
            below = np.cumsum(no) - no / 2
            found.append(float((yes * below).sum() / (yes.sum() * no.sum())))
    if not found:
        return float("nan"), float("nan")
    low, high = np.percentile(found, [2.5, 97.5])
    return float(low), float(high)


def baselines(
    frame: pd.DataFrame, train: Flags, test: Flags, features: list[str], threads: int = 2
) -> dict[str, dict[str, float]]:
    """Base rate, logistic regression and an untuned LightGBM, trained on the same rows."""
    label = frame["label"].to_numpy(dtype=bool)
    encoding = Encoding.learn(frame[train], features)
    matrix = encoding.matrix(frame)
    rate = np.full(int(test.sum()), label[train].mean())
    told = {
        "base_rate": rate,
        "logistic_regression": _logistic(matrix, encoding, train, test, label),
    }
    data = lgb.Dataset(matrix[train], label[train].astype(np.float64), params={"verbosity": -1})
    plain = {
        "objective": "binary",
        "verbosity": -1,
        "seed": 7,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": threads,
    }
    told["untuned_lightgbm"] = np.asarray(lgb.train(plain, data, 100).predict(matrix[test]))
    truth = label[test]
    return {
        name: {"auc": auc(truth, p), "log_loss": log_loss(truth, p)} for name, p in told.items()
    }


def against_truth(lake: Lake, model: ModelSpec, rows: pd.DataFrame, told: Array) -> Truth | None:
    """The true probabilities beside `told` on the rows that have one; None on real data.

    The truth is what drew the outcome: for renewals it knows the price and the contacts to come.
    """
    path = lake.truth(model.truth)
    if not path.exists():
        return None
    truth = pd.read_parquet(path)
    keys = ["customer_id", "as_of"]
    if "lead_days" in rows:
        keys = ["policy_id", "lead_days"]
        by_lead = truth.filter(regex=r"^p_\d+d$|^policy_id$").melt("policy_id", value_name="p")
        truth = by_lead.assign(lead_days=by_lead["variable"].str.extract(r"(\d+)").astype(int))
    elif "line" in truth:
        truth = truth[truth["line"] == model.name.removeprefix("cross_sell_")]
    truth = truth.assign(**{key: _comparable(truth[key]) for key in keys})
    left = rows[[*keys, "label"]].assign(told=told)
    left = left.assign(**{key: _comparable(left[key]) for key in keys})
    joined = left.merge(truth[[*keys, "p"]], on=keys, validate="one_to_one")
    label = joined["label"].to_numpy(dtype=bool)
    if label.all() or not label.any():
        return None
    true = joined["p"].to_numpy(dtype=np.float64)
    return Truth(len(joined), auc(label, true), auc(label, joined["told"].to_numpy()))


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


def plot(folder: Path, label: Flags, told: Array, title: str) -> list[Path]:
    """Calibration and gain as PNG files in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    bins = calibration_table(label, told)
    gains = gain_table(label, told)
    share = np.r_[0.0, np.cumsum(gains["rows"]) / gains["rows"].sum()]
    limit = float(max(bins["told"].max(), bins["observed"].max(), 1e-3)) * 1.05
    drawings = (
        ("calibration", bins["told"], bins["observed"], limit, "predicted", "observed"),
        ("gain", share, np.r_[0.0, gains["found"]], 1.0, "customers contacted", "found"),
    )
    paths = []
    for name, x, y, end, across, up in drawings:
        figure = Figure(figsize=(5, 4), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        axes.plot([0, end], [0, end], color="grey", linewidth=1)
        axes.plot(x, y, marker="o")
        axes.set(xlabel=across, ylabel=up, title=f"{title}: {name}")
        path = folder / f"{name}.png"
        figure.savefig(path)
        paths.append(path)
    return paths


def _logistic(matrix: Array, encoding: Encoding, train: Flags, test: Flags, label: Flags) -> Array:
    """Logistic regression on standardised numbers, missing flags and one-hot categories."""
    columns = []
    for index, name in enumerate(encoding.features):
        values = matrix[:, index]
        if name in encoding.categories:
            columns += [values == code for code in range(len(encoding.categories[name]))]
            continue
        gone = np.isnan(values)
        seen = values[train & ~gone]
        middle = float(np.median(seen)) if len(seen) else 0.0
        spread = float(seen.std()) if len(seen) else 0.0
        filled = np.where(gone, middle, values)
        columns.append(np.clip((filled - middle) / (spread or 1.0), -5, 5))
        if gone[train].any():
            columns.append(gone)
    wide = np.column_stack(columns).astype(np.float64)
    fitted = LogisticRegression(C=0.1, max_iter=300, tol=1e-3).fit(wide[train], label[train])
    return np.asarray(fitted.predict_proba(wide[test])[:, 1], dtype=np.float64)
