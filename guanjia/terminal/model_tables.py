"""Show trained models as tables: models of probabilities, and models of counts or amounts."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from guanjia.terminal.output import Table, table

if TYPE_CHECKING:
    from training.evaluation.figures import Amounts, Figures
    from training.fitting.recording import TrainResult

PROBABILITY_NOTE = """\
Figures are the judged candidates', on the latest matured outcomes, which no step before has seen.
What is registered is the same candidate, fitted anew to every matured outcome.
logistic, untuned: AUC of a logistic regression and of LightGBM as it comes, on the same rows.
truth (here): AUC of the simulation's true probabilities, and of the model on the rows they cover.
gain: how much lower the log loss is than the base rate's.
ECE: root mean square distance of predicted and observed share by tenth, without chance."""
AMOUNT_NOTE = """\
linear, untuned: Gini of a generalised linear model and of LightGBM as it comes, on the same rows.
gain: how much lower the deviance is than that of the mean. total: sum predicted / sum observed.
ECE: root mean square distance of predicted and observed by tenth, share of the mean."""


def model_tables(results: "Sequence[TrainResult]") -> list[Table | str]:
    """Make a table of each kind of model, with a note on its columns."""
    from training.evaluation.figures import Figures

    tables: list[Table | str] = []
    probabilities, amounts = [], []
    for trained in results:
        if isinstance(trained.figures, Figures):
            probabilities.append(_probability(trained, trained.figures))
        else:
            amounts.append(_amount(trained, trained.figures))
    if probabilities:
        tables += [table("Models", probabilities), PROBABILITY_NOTE]
    if amounts:
        tables += [table("Counts and amounts", amounts), AMOUNT_NOTE]
    return tables


def _probability(trained: "TrainResult", figures: "Figures") -> dict[str, Any]:
    return {
        "model": trained.model,
        "test rows": trained.test_rows,
        "AUC (95%)": _interval(figures.auc, figures.auc_low, figures.auc_high),
        "logistic": trained.baselines["logistic_regression"]["auc"],
        "untuned": trained.baselines["untuned_lightgbm"]["auc"],
        "truth (here)": f"{trained.truth.auc:.3f} ({trained.truth.model_auc:.3f})"
        if trained.truth
        else None,
        "gain": f"{1 - figures.log_loss / trained.baselines['base_rate']['log_loss']:.1%}",
        "ECE": figures.ece,
    }


def _amount(trained: "TrainResult", figures: "Amounts") -> dict[str, Any]:
    return {
        "model": trained.model,
        "test rows": trained.test_rows,
        "mean": figures.mean,
        "Gini (95%)": _interval(figures.gini, figures.gini_low, figures.gini_high),
        "linear": trained.baselines["generalised_linear"]["gini"],
        "untuned": trained.baselines["untuned_lightgbm"]["gini"],
        "gain": f"{1 - figures.deviance / trained.baselines['base_rate']['deviance']:.1%}",
        "total": figures.total_ratio,
        "ECE": figures.ece,
    }


def _interval(figure: float, low: float, high: float) -> str:
    bounds = "" if math.isnan(low) else f" ({low:.3f}-{high:.3f})"
    return f"{figure:.3f}{bounds}".replace("0.", ".")
