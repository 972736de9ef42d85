"""Trained models as tables: those that tell probabilities, those that tell counts or amounts."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from guanjia.terminal.output import Table, table

if TYPE_CHECKING:
    from training.evaluation.figures import Amounts, Figures
    from training.fitting.train import TrainResult

PROBABILITY_NOTE = """\
Measured on the latest matured outcomes, which no step before has seen.
logistic, untuned: AUC of a logistic regression and of LightGBM as it comes, on the same rows.
truth (here): AUC of the simulation's true probabilities, and of the model on the rows they cover.
gain: how much lower the log loss is than the base rate's.
ECE: mean distance of told and observed share."""
AMOUNT_NOTE = """\
linear, untuned: Gini of a generalised linear model and of LightGBM as it comes, on the same rows.
gain: how much lower the deviance is than that of the mean. total: sum told / sum observed.
ECE: mean distance of told and observed mean, as a share of the mean."""


def model_tables(results: "Sequence[TrainResult]") -> list[Table | str]:
    """A table of each kind that there is, with what its columns mean."""
    from training.evaluation.figures import Figures

    told: list[Table | str] = []
    likely = [(one, one.figures) for one in results if isinstance(one.figures, Figures)]
    rest = [(one, one.figures) for one in results if not isinstance(one.figures, Figures)]
    if likely:
        told += [table("Models", [_probability(*one) for one in likely]), PROBABILITY_NOTE]
    if rest:
        told += [table("Counts and amounts", [_amount(*one) for one in rest]), AMOUNT_NOTE]
    return told


def _probability(one: "TrainResult", figures: "Figures") -> dict[str, Any]:
    return {
        "model": one.model,
        "test rows": one.test_rows,
        "AUC (95%)": _interval(figures.auc, figures.auc_low, figures.auc_high),
        "logistic": one.baselines["logistic_regression"]["auc"],
        "untuned": one.baselines["untuned_lightgbm"]["auc"],
        "truth (here)": f"{one.truth.auc:.3f} ({one.truth.model_auc:.3f})" if one.truth else None,
        "gain": f"{1 - figures.log_loss / one.baselines['base_rate']['log_loss']:.1%}",
        "ECE": figures.ece,
    }


def _amount(one: "TrainResult", figures: "Amounts") -> dict[str, Any]:
    return {
        "model": one.model,
        "test rows": one.test_rows,
        "mean": figures.mean,
        "Gini (95%)": _interval(figures.gini, figures.gini_low, figures.gini_high),
        "linear": one.baselines["generalised_linear"]["gini"],
        "untuned": one.baselines["untuned_lightgbm"]["gini"],
        "gain": f"{1 - figures.deviance / one.baselines['base_rate']['deviance']:.1%}",
        "total": figures.total_ratio,
        "ECE": figures.ece,
    }


def _interval(figure: float, low: float, high: float) -> str:
    return f"{figure:.3f} ({low:.3f}-{high:.3f})".replace("0.", ".")
