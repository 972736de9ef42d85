"""From draws by lot to an effect model: checked, chosen, distilled, measured, written down.

The test slice is used once, here.
"""

from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from features.lake import Lake
from features.progress import Report, quiet
from training.dataset import Dataset
from training.estimators.encoding import Array, Flags
from training.evaluation.resampling import interval
from training.fitting.datasets import build
from training.registry.registration import log_run
from training.uplift import measures, policy
from training.uplift.fitting import HALVES, Rows, choose, fit, outcomes_of, rows_of
from training.uplift.policy import Estimate, Policy, SleepingDogs
from training.uplift.randomisation import Randomisation, check
from training.uplift.trials import CONTROL, TRIAL, Treatment, question
from training.uplift.truth import TrueEffects, against_true_effects

WORTH_SHARE = 0.10
"""Yuan a renewal is worth, as a share of the commercial premium: what winning a new customer in his
place would cost more. Ours; a company sets its own."""


@dataclass(frozen=True)
class EffectResult:
    """What learning an effect found, as the command line prints it.

    Attributes
    ----------
    treatment, label, trial, version, folder
        Which, and where its model lies; `version` is a hash of the contents.
    known_by, test_from : datetime.date
        Outcomes recorded later were not used; first `as_of` of the test slice.
    drawn : int
        Draws of both arms with a ripe outcome.
    randomisation : Randomisation
        Of the rows used: numbers by arm, and what speaks for a lot.
    train_rows, test_rows : int
    average : Estimate
        Mean effect on the share that renews, all rows.
    learner : str
        The one chosen.
    losses : dict[str, float]
        By learner, mean squared distance from doubly robust outcomes on the later slice, less that
        of the average effect: below zero is better than telling everybody the same.
    qini : Estimate
        On the test slice, outcomes a customer; 0 is chance.
    auuc : float
    policies : list of Policy
    sleeping_dogs : SleepingDogs
    truth : TrueEffects or None
        None on real data.
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
    """Learn, measure and write down the effect of a treatment, or refuse.

    Parameters
    ----------
    known_by : datetime.date
        Outcomes recorded later are not used.
    worth_share : float
        What a renewal is worth, as a share of the commercial premium.

    Raises
    ------
    GuanjiaError
        If the treatment was not given by lot, or too few outcomes are ripe.
    """
    (data,) = build(lake, [question(treatment)], known_by, report)
    report(f"{treatment.model}: was it a lot", 0, None)
    found = check(data.frame, data.features, CONTROL, treatment.name)
    stated = found.probabilities
    propensity = stated[treatment.name] / sum(stated.values())
    rows = rows_of(data, treatment, propensity)
    earlier, test = rows.ripe(data.split.test_from), rows[data.split.test]
    report(f"{treatment.model}: learners", 0, None)
    chosen, losses = choose(rows, data.split.test_from)
    report(f"{treatment.model}: {HALVES} halves", 0, None)
    model = fit(rows[earlier], treatment, chosen, folder_of(lake, treatment))
    report(f"{treatment.model}: evaluation", 0, None)
    effect, lower = model.tell(test.frame)
    result = _measured(treatment, rows, earlier, test, (effect, lower), worth_share)
    made = EffectResult(
        treatment=treatment.name,
        label=treatment.label,
        trial=TRIAL,
        version=model.version,
        folder=folder_of(lake, treatment),
        known_by=known_by,
        test_from=data.split.test_from,
        drawn=data.labelled,
        randomisation=found,
        train_rows=int(earlier.sum()),
        test_rows=len(test.label),
        learner=chosen,
        losses=losses,
        truth=against_true_effects(lake, treatment.name, test.frame, effect, lower),
        **result,
    )
    report(f"{treatment.model}: registry", 0, None)
    _log(lake, data, treatment, made)
    return made


def folder_of(lake: Lake, treatment: Treatment) -> Path:
    """Where the effect model of a treatment lies; `load_effect` reads it."""
    return lake.home / "effects" / treatment.name


def _measured(
    treatment: Treatment,
    rows: Rows,
    earlier: Flags,
    test: Rows,
    told: tuple[Array, Array],
    worth_share: float,
) -> dict[str, Any]:
    """Figures on the test slice, and the average effect on all rows."""
    outcomes = outcomes_of(rows[earlier], test)
    effect, lower = told
    worth = worth_share * test.frame["commercial_premium_current"].to_numpy(np.float64)
    return {
        "average": _average(rows),
        "qini": _qini(test, effect),
        "auuc": measures.auuc(test.label, test.treated, effect),
        "policies": policy.policies(outcomes, effect, lower, worth, treatment.cost),
        "sleeping_dogs": policy.sleeping_dogs(outcomes, effect),
    }


def _average(rows: Rows) -> Estimate:
    """Mean effect on all rows; what each arm renews on average stands for what is expected."""
    without, with_it = (
        np.full(len(rows.label), rows.label[arm].mean()) for arm in (~rows.treated, rows.treated)
    )
    outcomes = policy.doubly_robust(
        rows.label, rows.treated, rows.propensity, (without, with_it), rows.customers
    )
    return policy.means({"effect": outcomes.effect}, outcomes.customers)["effect"]


def _qini(rows: Rows, effect: Array) -> Estimate:
    """The Qini coefficient with its interval over resamples of customers."""
    value = measures.qini(rows.label, rows.treated, effect)
    found = [
        measures.qini(rows.label[some], rows.treated[some], effect[some])
        for some in policy.resampled(rows.customers)
    ]
    return Estimate(value, *interval(np.array(found)))


def _log(lake: Lake, data: Dataset, treatment: Treatment, made: EffectResult) -> None:
    """A run with what was found and the bundle; serving reads the folder."""
    figures = {
        "average": made.average.value,
        "test_qini": made.qini.value,
        "test_auuc": made.auuc,
        "sleeping_dogs_share": made.sleeping_dogs.share,
        "assignment_auc": made.randomisation.auc,
        **{f"loss_{name}": loss for name, loss in made.losses.items()},
    }
    if made.truth is not None:
        figures |= {f"truth_{key}": float(value) for key, value in asdict(made.truth).items()}
    log_run(
        lake,
        treatment.model,
        made.version,
        parameters={
            "learner": made.learner,
            "known_by": made.known_by.isoformat(),
            "test_from": made.test_from.isoformat(),
            "train_rows": made.train_rows,
            "test_rows": made.test_rows,
        },
        metrics=figures,
        tags={
            "training_frame_sha256": data.sha256,
            "bundle_version": made.version,
            **{f"history_{group}_sha256": digest for group, digest in data.inputs.items()},
        },
        bundle=made.folder,
    )
