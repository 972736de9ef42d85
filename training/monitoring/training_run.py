"""Read the training run of a champion: what it learned from, and how good it was then.

The run is in the registry. If the registry is away, the copy in an earlier file of monitoring does
as well, since a run does not change.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from features.errors import GuanjiaError
from features.lake import Lake
from training.registry.champions import family
from training.registry.mlflow_client import RegistryAwayError, away_error, registry_exists
from training.registry.versions import Version, read_version

PARAMETERS = ("known_by", "test_from", "base_rate")
FIGURES = ("auc", "gini", "slope", "ece", "lift", "contact_lift")


@dataclass(frozen=True)
class TrainingRun:
    """Facts about a champion from its training run.

    Attributes
    ----------
    version : str
        Version in the registry.
    known_by, test_from : datetime.date
        It saw no outcome recorded after `known_by`; its test slice begins with `test_from`.
    base_rate : float
        Mean outcome of the rows it learned from.
    figures : Mapping[str, float]
        `FIGURES` of the judged candidate on the test slice, as far as the run has them.
    run : Version
        The run itself.
    from_registry : bool
        Whether it was read from the registry now, not from an earlier file of monitoring.
    """

    version: str
    known_by: date
    test_from: date
    base_rate: float
    figures: Mapping[str, float]
    run: Version
    from_registry: bool


def read_training_run(lake: Lake, model: str, version: str) -> TrainingRun:
    """Read the training run of a version from the registry or, if that is away, from a file.

    Parameters
    ----------
    lake : Lake
        The home.
    model, version : str
        The version.

    Raises
    ------
    RegistryAwayError
        If the registry is away and no earlier file of monitoring holds this version.
    GuanjiaError
        If the run does not say what the version learned from.
    """
    try:
        if not registry_exists(lake):
            raise away_error(lake, FileNotFoundError("no database"))
        return _training_run(read_version(lake, model, version), from_registry=True)
    except RegistryAwayError as fault:
        before = _read_before(lake, model, version)
        if before is None:
            raise fault from None
        return _training_run(before, from_registry=False)


def _training_run(run: Version, *, from_registry: bool) -> TrainingRun:
    missing = [name for name in PARAMETERS if name not in run.parameters]
    if missing:
        raise GuanjiaError(
            f"the training run of version {run.version} of {run.model}",
            f"lacks the parameters {', '.join(missing)}, so it cannot be monitored",
            f"train a new version: `guanjia train {family(run.model)}`",
        )
    return TrainingRun(
        version=run.version,
        known_by=date.fromisoformat(run.parameters["known_by"]),
        test_from=date.fromisoformat(run.parameters["test_from"]),
        base_rate=float(run.parameters["base_rate"]),
        figures={n: run.metrics[f"test_{n}"] for n in FIGURES if f"test_{n}" in run.metrics},
        run=run,
        from_registry=from_registry,
    )


def _read_before(lake: Lake, model: str, version: str) -> Version | None:
    """Read the run of a version from the latest file of monitoring that has it."""
    for path in sorted((lake.home / "monitoring").glob("as_of=*.json"), reverse=True):
        for watched in json.loads(path.read_text("utf-8"))["models"]:
            run = watched["stated"]["run"]
            if watched["model"] == model and run["version"] == version:
                return Version(**run)
    return None
