"""What the benchmarks on real data share: our choice of a candidate, the peers, and one table.

The candidates of `training.estimators.candidates` compete within the rows to learn from, as in
`guanjia train`; the winner and the peers of `training.evaluation.peers` learn the same rows and
are asked about the same others. Nothing is calibrated on a slice of its own, for no peer is.
Intervals are 95%, by customer, and differences are paired.
"""

import argparse
import sys
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from measuring import say

from features.errors import GuanjiaError
from training.estimators.encoding import Array, Encoding, Flags
from training.evaluation.discrimination import auc, gain_table
from training.evaluation.figures import Figures, probability_figures
from training.evaluation.intervals import Customers
from training.evaluation.peers import (
    PEER_LABELS,
    PeerDifference,
    compare_with_peers,
    predict_peers,
    predict_untuned_lightgbm,
)
from training.fitting.learn import learn
from training.fitting.selection import CandidateScore
from training.model_spec import ModelSpec

OURS = "ours"
BOUND = ("base_rate", "logistic_regression", "untuned_lightgbm")  # ours must not lose to these


@dataclass(frozen=True)
class Answers:
    """What ours and the peers told of the rows asked about.

    Attributes
    ----------
    told : dict of str to numpy.ndarray
        Name -> shape (rows,); the first is ours.
    trials : list of list of CandidateScore
        The candidates, best first, of each time they competed.
    """

    told: dict[str, Array]
    trials: list[list[CandidateScore]]


@dataclass(frozen=True)
class Leak:
    """What an untuned LightGBM reaches on some rows and columns, and why that is wrong."""

    how: str
    rows: int
    share: float
    auc: float
    lift: float
    why: str


@dataclass(frozen=True)
class Judged:
    """One split: figures of ours and of each peer, and by how much ours is better."""

    split: str
    customers: int
    figures: dict[str, Figures]
    differences: list[PeerDifference]
    trials: list[list[CandidateScore]]

    @property
    def lost_to(self) -> list[str]:
        """Peers that order the rows better than ours beyond chance."""
        return [each.peer for each in self.differences if each.order_high < 0]


def arguments(about: str, repeats: int | None = None) -> argparse.Namespace:
    """The command line: the data's folder, --threads, --json, and --repeats where there are any."""
    parser = argparse.ArgumentParser(
        description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="where the published files lie")
    if repeats:
        parser.add_argument("--repeats", type=int, default=repeats, help="of the folds")
    parser.add_argument("--threads", type=int, default=2, help="of LightGBM")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    warnings.filterwarnings("ignore", category=DeprecationWarning, module="ibis")
    return parser.parse_args()


def files_in(folder: Path, names: Sequence[str]) -> list[Path]:
    """The named files of a folder; a GuanjiaError that names those that are not there."""
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise GuanjiaError(
            f"folder {folder}",
            f"has no file {', '.join(missing)}",
            "download the data (docs/model-cards/README.md says where from) and name their folder",
        )
    return [folder / name for name in names]


def by_customer(frame: pd.DataFrame, folds: int, seed: int) -> Array:
    """The fold of each row, shape (rows,): whole customers, by lot."""
    codes, customers = pd.factorize(frame["customer_id"])
    drawn = np.random.default_rng(seed).permutation(len(customers)) % folds
    return np.asarray(drawn[codes])


def ask(
    model: ModelSpec,
    frame: pd.DataFrame,
    features: list[str],
    train: Flags,
    test: Flags,
    threads: int,
    others: Mapping[str, list[str]] | None = None,
) -> Answers:
    """Let the candidates compete on the train rows, and ask the winner and the peers.

    Parameters
    ----------
    frame : pandas.DataFrame
        With the features, `customer_id`, `as_of`, `matures` and `label`.
    others : Mapping[str, list of str]
        Name of another set of columns -> the columns, which the peers learn from too.
    """
    fitted, trials = learn(model, frame[train], features, threads=threads)
    told = {OURS: fitted.predict_proba(frame[test])}
    for words, columns in {"": features, **(others or {})}.items():
        for peer, answer in predict_peers(
            frame, train, test, columns, threads, all_peers=True
        ).items():
            if not words or peer != "base_rate":
                told[f"{peer}, {words}" if words else peer] = answer
    return Answers(told, [trials])


def ask_folds(
    model: ModelSpec,
    frame: pd.DataFrame,
    features: list[str],
    fold: Array,
    threads: int,
    others: Mapping[str, list[str]] | None = None,
) -> Answers:
    """The same of every fold in turn, learned from all others; one answer a row."""
    told: dict[str, Array] = {}
    trials = []
    for number in np.unique(fold):
        say(f"fold {number + 1} of {int(fold.max()) + 1}")
        test = fold == number
        got = ask(model, frame, features, ~test, test, threads, others)
        for name, answer in got.told.items():
            told.setdefault(name, np.full(len(frame), np.nan))[test] = answer
        trials += got.trials
    # A fold's base rate is higher the lower that of the others is: nobody would order by it.
    told["base_rate"] = np.full(len(frame), told["base_rate"].mean())
    return Answers(told, trials)


def judge(split: str, customers: pd.Series, label: Flags, answers: Answers) -> Judged:
    """Figures of all, on the rows asked about.

    Parameters
    ----------
    label : numpy.ndarray of bool
        Shape (rows,), in the sense of `answers`.
    """
    resamples = Customers(customers)
    figures = {
        name: probability_figures(label, told, resamples) for name, told in answers.told.items()
    }
    told = dict(answers.told)
    ours = told.pop(OURS)
    return Judged(
        split,
        customers.nunique(),
        figures,
        compare_with_peers(label, ours, told, resamples),
        answers.trials,
    )


def table(judged: Judged) -> str:
    """Markdown tables of order and of loss: one row for ours and one a peer."""
    ours = judged.figures[OURS]
    gaps = {each.peer: each for each in judged.differences}
    order = ["| | AUC | ours better by | top-tenth lift | Brier |", "|---|---|---|---|---|"]
    loss = ["| | log loss | ours better by | ECE |", "|---|---|---|---|"]
    for name, one in judged.figures.items():
        area, lift = f"{one.auc:.3f} ({one.auc_low:.3f} to {one.auc_high:.3f})", f"{one.lift:.2f}"
        ece = f"{one.ece:.4f} ({one.ece_low:.4f} to {one.ece_high:.4f})"
        if name == "base_rate":
            area, lift, ece = "0.500", "1.00", ""
        order_gain = loss_gain = ""
        if name in gaps:
            gap = gaps[name]
            order_gain = signed(gap.order_gain, gap.order_low, gap.order_high, 3)
            loss_gain = signed(gap.loss_gain, gap.loss_low, gap.loss_high, 4)
        order.append(row(words(name), area, order_gain, lift, f"{one.brier:.4f}"))
        loss.append(row(words(name), f"{one.log_loss:.4f}", loss_gain, ece))
    heading = (
        f"**{judged.split}**: {ours.rows:,} rows of {judged.customers:,} customers, "
        f"{ours.base_rate:.2%} yes. {chosen(judged.trials)}"
    )
    by_chance = f"The ECE is without the {ours.ece_by_chance:.4f} that chance adds on as many rows."
    return "\n".join([heading, "", *order, "", *loss, "", by_chance])


def row(*cells: str) -> str:
    """A line of a Markdown table."""
    return "|" + "".join(f" {cell} |" if cell else " |" for cell in cells)


def plain(
    how: str,
    frame: pd.DataFrame,
    columns: list[str],
    why: str,
    *,
    folds: int,
    repeats: int,
    threads: int,
) -> Leak:
    """An untuned LightGBM on folds by `customer_id`, drawn anew for each repeat; means of them."""
    say(f"leaks: {how}")
    label = frame["label"].to_numpy(bool)
    matrix = Encoding.learn(frame, columns).matrix(frame)
    told = np.empty(len(frame))
    found = []
    for seed in range(7, 7 + repeats):
        fold = by_customer(frame, folds, seed)
        for number in range(folds):
            test = fold == number
            told[test] = predict_untuned_lightgbm(
                matrix[~test], matrix[test], label[~test].astype(np.float64), threads
            )
        found.append((auc(label, told), float(gain_table(label, told)["lift"].iloc[0])))
    order, lift = np.mean(found, axis=0)
    return Leak(how, len(frame), float(label.mean()), float(order), float(lift), why)


def leak_table(found: Sequence[Leak]) -> str:
    """A Markdown table of the leaks, and a list that says why each is one."""
    lines = ["| rows and columns | rows | yes | AUC | lift |", "|---|---|---|---|---|"]
    lines += [
        row(one.how, f"{one.rows:,}", f"{one.share:.2%}", f"{one.auc:.3f}", f"{one.lift:.2f}")
        for one in found
    ]
    return "\n".join([*lines, "", *(f"- **{one.how}**: {one.why}." for one in found)])


def chosen(trials: Sequence[Sequence[CandidateScore]]) -> str:
    """Which candidates won, and the mean loss of each where they competed."""
    won = Counter(found[0].candidate for found in trials)
    losses: dict[str, list[float]] = {}
    for one in (trial for found in trials for trial in found):
        losses.setdefault(one.candidate, []).append(one.loss)
    order = sorted(losses, key=lambda name: float(np.mean(losses[name])))
    told = ", ".join(f"{name} {np.mean(losses[name]):.5f}" for name in order)
    winners = ", ".join(f"{name} {count} of {len(trials)}" for name, count in won.most_common())
    return f"Chosen: {winners}; validation log loss {told}."


def words(name: str) -> str:
    """A peer's name in English, as the reports have it."""
    peer, _, rest = name.partition(", ")
    return ", ".join(filter(None, [PEER_LABELS.get(peer, ("", peer))[1], rest]))


def signed(value: float, low: float, high: float, digits: int) -> str:
    """A difference with its interval."""
    return f"{value:+.{digits}f} ({low:+.{digits}f} to {high:+.{digits}f})"


def as_json(judged: Judged) -> dict[str, Any]:
    """The same figures for machines."""
    return {
        "split": judged.split,
        "customers": judged.customers,
        "figures": {name: asdict(one) for name, one in judged.figures.items()},
        "differences": [asdict(one) for one in judged.differences],
        "trials": [[asdict(one) for one in found] for found in judged.trials],
        "lost_to": judged.lost_to,
    }


def verdict(judged: Sequence[Judged], suspicious: float) -> int:
    """0 if ours loses to no peer of `BOUND` and nothing is too good to be honest, else 1."""
    broken = 0
    for one in judged:
        for peer in one.lost_to:
            bound = peer.partition(", ")[0] in BOUND
            mark = "BROKEN" if bound else "note"
            print(f"{mark}: {one.split}: {words(peer)} orders better beyond chance")
            broken = max(broken, int(bound))
        for name, figures in one.figures.items():
            if figures.auc > suspicious:
                print(f"BROKEN: {one.split}: AUC of {words(name)} above {suspicious}: a leak")
                broken = 1
    return broken


def fail(error: GuanjiaError) -> int:
    """Say what is wrong; the exit code."""
    print(error, file=sys.stderr)
    return 2
