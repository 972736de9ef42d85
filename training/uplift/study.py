"""Learn the effect of a treatment from draws by lot: check, choose, distil, measure, record.

The test slice is used once, here.
"""

from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from features.lake import Lake
from features.progress import Report, quiet
from training.dataset import Dataset
from training.estimators.encoding import Array, Flags
from training.evaluation.resampling import interval
from training.fitting.datasets import build
from training.registry.registration import log_run
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
    known_by, test_from : datetime.date
        Last day whose outcomes were used; first `as_of` of the test slice.
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
    known_by: date
    test_from: date
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
    (data,) = build(lake, [effect_model_spec(treatment)], known_by, report)
    report(f"{treatment.model}: was it a lot", 0, None)
    randomisation = check(data.frame, data.features, CONTROL, treatment.name)
    stated = randomisation.probabilities
    propensity = stated[treatment.name] / sum(stated.values())
    rows = encode_rows(data, treatment, propensity)
    earlier, test = rows.ripe(data.split.test_from), rows[data.split.test]
    report(f"{treatment.model}: learners", 0, None)
    chosen, losses = choose(rows, data.split.test_from)
    report(f"{treatment.model}: {HALVES} halves", 0, None)
    model = fit(rows[earlier], treatment, chosen, effect_folder(lake, treatment))
    report(f"{treatment.model}: evaluation", 0, None)
    effect, lower = model.predict(test.frame)
    figures = _measured(treatment, rows, earlier, test, (effect, lower), worth_share)
    result = EffectResult(
        treatment=treatment.name,
        label=treatment.label,
        trial=TRIAL,
        version=model.version,
        folder=effect_folder(lake, treatment),
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
    _log(lake, data, treatment, result)
    return result


def effect_folder(lake: Lake, treatment: Treatment) -> Path:
    """Return the folder of the effect model of a treatment; `load_effect` reads it."""
    return lake.home / "effects" / treatment.name


def _measured(
    treatment: Treatment,
    rows: Rows,
    earlier: Flags,
    test: Rows,
    predicted: tuple[Array, Array],
    worth_share: float,
) -> dict[str, Any]:
    """Measure the effect on the test slice, and the average effect on all rows."""
    outcomes = doubly_robust_outcomes(rows[earlier], test)
    effect, lower = predicted
    worth = worth_share * test.frame["commercial_premium_current"].to_numpy(np.float64)
    return {
        "average": _average(rows),
        "qini": qini_with_interval(test.label, test.treated, effect, test.customers),
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


def qini_with_interval(
    label: Flags, treated: Flags, effect: Array, customers: pd.Series
) -> Estimate:
    """Calculate the Qini coefficient, with its interval over resamples of customers.

    Parameters
    ----------
    label, treated : numpy.ndarray of bool
        Shape (rows,): outcome, and whether the row was treated.
    effect : numpy.ndarray
        Shape (rows,): predicted effect.
    customers : pandas.Series
        Customer of every row.
    """
    value = measures.qini(label, treated, effect)
    samples = [
        measures.qini(label[drawn], treated[drawn], effect[drawn])
        for drawn in policy.resampled(customers)
    ]
    return Estimate(value, *interval(np.array(samples)))


def _log(lake: Lake, data: Dataset, treatment: Treatment, result: EffectResult) -> None:
    """Log a run with the figures and the bundle; serving reads the folder, not the run."""
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
    log_run(
        lake,
        treatment.model,
        result.version,
        parameters={
            "learner": result.learner,
            "known_by": result.known_by.isoformat(),
            "test_from": result.test_from.isoformat(),
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
    )
