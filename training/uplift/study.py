"""Learn the effect of a treatment from draws by lot: check, choose, distil, measure, record.

The test slice is used once, here.
"""

import time
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from features.lake import Lake
from features.progress import Report, quiet
from training.dataset import Dataset
from training.estimators.encoding import Array, Flags
from training.fitting.datasets import build
from training.fitting.provenance import code_identity
from training.model_spec import ModelSpec
from training.registry.registration import log_run
from training.registry.run_page import RunPage
from training.uplift import measures, policy
from training.uplift.fitting import HALVES, Rows, choose, doubly_robust_outcomes, encode_rows, fit
from training.uplift.policy import Estimate, Policy, SleepingDogs
from training.uplift.randomisation import Randomisation, check
from training.uplift.randomised_trials import CONTROL, TRIAL, Treatment, effect_model_spec
from training.uplift.truth import TrueEffects, against_true_effects

WORTH_SHARE = 0.10
"""Worth of a renewal as a share of the commercial premium: the extra cost of winning a new customer
instead. An assumption; a company sets its own."""


@dataclass(frozen=True)
class EffectResult:
    """A learned and measured effect, as the command line prints it.

    Attributes
    ----------
    treatment, label, trial, version : str
        Name, Chinese label, trial, and a hash of the contents of the model.
    folder : Path
        Folder of the effect model.
    run : str
        Id of its MLflow run.
    known_by, test_from : datetime.date or None
        Last day whose outcomes were used; first `as_of` of the test slice. None where rows have no
        dates.
    drawn : int
        Draws of both arms with a ripe outcome.
    randomisation : Randomisation
        Check of the rows: numbers by arm, and figures of the four tests.
    train_rows, test_rows : int
        Rows ripe before the test slice; rows of the test slice.
    average : Estimate
        Mean effect on the share that renews, all rows.
    learner : str
        Name of the chosen learner.
    losses : dict[str, float]
        Learner -> mean squared distance from doubly robust outcomes on later rows, less that of
        the average effect: below zero is better than predicting the average for everybody.
    qini : Estimate
        Qini coefficient on the test slice, outcomes per customer; 0 is chance.
    auuc : float
        Area under the uplift curve on the test slice, outcomes per customer.
    policies : list of Policy
        Worth of rules of whom to treat.
    sleeping_dogs : SleepingDogs
        Customers whom the treatment is expected to drive away.
    truth : TrueEffects or None
        Comparison with the simulation's truth; None on real data.
    """

    treatment: str
    label: str
    trial: str
    version: str
    folder: Path
    run: str
    known_by: date | None
    test_from: date | None
    drawn: int
    randomisation: Randomisation
    train_rows: int
    test_rows: int
    average: Estimate
    learner: str
    losses: dict[str, float]
    qini: Estimate
    auuc: float
    policies: list[Policy]
    sleeping_dogs: SleepingDogs
    truth: TrueEffects | None


def learn(
    lake: Lake,
    treatment: Treatment,
    known_by: date,
    report: Report = quiet,
    worth_share: float = WORTH_SHARE,
) -> EffectResult:
    """Learn, measure and record the effect of a treatment.

    Parameters
    ----------
    lake : Lake
        Home with checked tables and the registry.
    treatment : Treatment
        Treatment whose effect is learned.
    known_by : datetime.date
        Outcomes recorded later are not used.
    report : Report
        Called with progress.
    worth_share : float
        Worth of a renewal as a share of the commercial premium.

    Raises
    ------
    GuanjiaError
        If the treatment was not given by lot, or too few outcomes are ripe.
    """
    model = effect_model_spec(treatment)
    (data,) = build(lake, [model], known_by, report)
    worth = worth_share * data.frame["commercial_premium_current"].to_numpy(np.float64)
    return learn_on(lake, treatment, model, data, worth, known_by, report=report)


def learn_on(
    lake: Lake,
    treatment: Treatment,
    model: ModelSpec,
    data: Dataset,
    worth: Array,
    known_by: date | None,
    *,
    trial: str = TRIAL,
    report: Report = quiet,
) -> EffectResult:
    """Learn, measure and record the effect of a treatment on rows, wherever those come from.

    Parameters
    ----------
    lake : Lake
        Home of the effect models and the registry.
    treatment : Treatment
        Treatment whose effect is learned.
    model : ModelSpec
        The effect model as declared.
    data : Dataset
        The rows, split, with `arm` and `probability` of each.
    worth : numpy.ndarray
        Shape (rows,): yuan that the outcome of the row is worth; NaN counts as 0.
    known_by : datetime.date or None
        Outcomes recorded later are not in the rows; None where rows have no dates.
    trial : str
        Name of the trial the rows were drawn in.
    report : Report
        Called with progress.

    Raises
    ------
    GuanjiaError
        If the treatment was not given by lot, or too few outcomes are ripe.
    """
    begun = time.monotonic()
    report(f"{treatment.model}: was it a lot", 0, None)
    randomisation = check(data.frame, data.features, CONTROL, treatment.name)
    stated = randomisation.probabilities
    propensity = stated[treatment.name] / sum(stated.values())
    rows = encode_rows(data, treatment, propensity)
    earlier, test = data.split.before_test, rows[data.split.test]
    report(f"{treatment.model}: learners", 0, None)
    chosen, losses = choose(rows, data.split)
    report(f"{treatment.model}: {HALVES} halves", 0, None)
    folder = effect_folder(lake, treatment)
    fitted = fit(rows[earlier], treatment, model, trial, chosen, folder)
    report(f"{treatment.model}: evaluation", 0, None)
    effect, lower = fitted.predict(test.frame)
    figures = _measured(treatment, rows, earlier, test, (effect, lower), worth[data.split.test])
    result = EffectResult(
        treatment=treatment.name,
        label=treatment.label,
        trial=trial,
        version=fitted.version,
        folder=folder,
        run="",
        known_by=known_by,
        test_from=data.split.test_from,
        drawn=data.labelled,
        randomisation=randomisation,
        train_rows=int(earlier.sum()),
        test_rows=len(test.label),
        learner=chosen,
        losses=losses,
        truth=against_true_effects(lake, treatment.name, test.frame, effect, lower),
        **figures,
    )
    report(f"{treatment.model}: registry", 0, None)
    source = f"guanjia uplift {treatment.name}" if trial == TRIAL else "training.frames.fit_uplift"
    page = RunPage(
        description=_describe(result),
        dataset=f"{treatment.model} rows",
        digest=data.sha256,
        place=str(data.path) if data.path is not None else "a frame of its owner's",
        rows=len(data.frame),
        source=source,
        code=code_identity(),
        seconds=time.monotonic() - begun,
    )
    return replace(result, run=_log(lake, data, treatment, result, page))


def _describe(result: EffectResult) -> str:
    """Describe a study in Markdown: whose effect, from which rows, how large, and for whom."""
    average, qini, dogs = result.average, result.qini, result.sleeping_dogs
    differs = "differs by customer" if qini.low > 0 else "is not shown to differ by customer"
    return "\n".join(
        [
            f"**{result.label}** (`{result.treatment}`): what it adds to the probability "
            f"of the outcome. Learner *{result.learner}*.",
            "",
            f"Learned from {result.train_rows:,} rows, measured on {result.test_rows:,} others; "
            f"{result.drawn:,} were drawn by lot.",
            "",
            f"- Average effect {100 * average.value:+.1f} points "
            f"({100 * average.low:+.1f} to {100 * average.high:+.1f}).",
            f"- Qini {qini.value:.4f} ({qini.low:.4f} to {qini.high:.4f}), chance 0: the effect "
            f"{differs}.",
            f"- Below zero predicted for {dogs.share:.0%}"
            f"{', and below zero observed' if dogs.proven else ', not proven'}.",
        ]
    )


def effect_folder(lake: Lake, treatment: Treatment) -> Path:
    """Return the folder of the effect model of a treatment; `load_effect` reads it."""
    return lake.home / "effects" / treatment.name


def _measured(
    treatment: Treatment,
    rows: Rows,
    earlier: Flags,
    test: Rows,
    predicted: tuple[Array, Array],
    worth: Array,
) -> dict[str, Any]:
    """Measure the effect on the test slice, and the average effect on all rows."""
    outcomes = doubly_robust_outcomes(rows[earlier], test)
    effect, lower = predicted
    return {
        "average": _average(rows),
        "qini": policy.qini_with_interval(test.label, test.treated, effect, test.customers),
        "auuc": measures.auuc(test.label, test.treated, effect),
        "policies": policy.policies(outcomes, effect, lower, worth, treatment.cost),
        "sleeping_dogs": policy.sleeping_dogs(outcomes, effect),
    }


def _average(rows: Rows) -> Estimate:
    """Estimate the mean effect on all rows, with the mean outcome of an arm as expected one."""
    without, with_it = (
        np.full(len(rows.label), rows.label[arm].mean()) for arm in (~rows.treated, rows.treated)
    )
    outcomes = policy.doubly_robust(
        rows.label, rows.treated, rows.propensity, (without, with_it), rows.customers
    )
    return policy.means({"effect": outcomes.effect}, outcomes.customers)["effect"]


def _log(
    lake: Lake, data: Dataset, treatment: Treatment, result: EffectResult, page: RunPage
) -> str:
    """Log a run with the figures and the bundle, and return its id; serving reads the folder."""
    figures = {
        "average": result.average.value,
        "test_qini": result.qini.value,
        "test_auuc": result.auuc,
        "sleeping_dogs_share": result.sleeping_dogs.share,
        "assignment_auc": result.randomisation.auc,
        **{f"loss_{name}": loss for name, loss in result.losses.items()},
    }
    if result.truth is not None:
        figures |= {f"truth_{key}": float(value) for key, value in asdict(result.truth).items()}
    dates = {"known_by": result.known_by, "test_from": result.test_from}
    return log_run(
        lake,
        treatment.model,
        result.version,
        parameters={
            "learner": result.learner,
            **{name: day.isoformat() for name, day in dates.items() if day is not None},
            "train_rows": result.train_rows,
            "test_rows": result.test_rows,
        },
        metrics=figures,
        tags={
            "training_frame_sha256": data.sha256,
            "bundle_version": result.version,
            **{f"history_{group}_sha256": digest for group, digest in data.inputs.items()},
        },
        bundle=result.folder,
        page=page,
    )
