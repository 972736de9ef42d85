"""What a champion's run states of it: what it learned from, and how good it was then.

The registry keeps it. Where that is away, what an earlier run of monitoring read of the same
version is right as well: a run does not change.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from features.errors import GuanjiaError
from features.lake import Lake
from training.registry import versions as registry
from training.registry.champions import family
from training.registry.mlflow_client import RegistryAwayError, away_error, registry_exists
from training.registry.versions import Version

PARAMETERS = ("known_by", "test_from", "base_rate")
FIGURES = ("auc", "gini", "slope", "ece", "lift")


@dataclass(frozen=True)
class Stated:
    """A champion as its run states it.

    Attributes
    ----------
    version : str
    known_by, test_from : datetime.date
        It saw no outcome recorded after `known_by`; its test slice begins with `test_from`.
    base_rate : float
        Share that came true where it learned.
    figures : Mapping[str, float]
        `FIGURES` of its test slice, as far as stated.
    run : Version
        The run itself, as far as it was read.
    from_registry : bool
        Whether the registry was asked now.
    """

    version: str
    known_by: date
    test_from: date
    base_rate: float
    figures: Mapping[str, float]
    run: Version
    from_registry: bool


def stated(lake: Lake, model: str, version: str) -> Stated:
    """What the run of a version states, from the registry or, if away, as read before.

    Raises
    ------
    GuanjiaError
        If the registry is away and no earlier run of monitoring read this version, or the run does
        not state what it learned from.
    """
    try:
        if not registry_exists(lake):
            raise away_error(lake, FileNotFoundError("no database"))
        return _of(registry.read_version(lake, model, version), from_registry=True)
    except RegistryAwayError as fault:
        before = _read_before(lake, model, version)
        if before is None:
            raise fault from None
        return _of(before, from_registry=False)


def _of(run: Version, *, from_registry: bool) -> Stated:
    thing = f"version {run.version} of {run.model}"
    missing = [name for name in PARAMETERS if name not in run.parameters]
    if missing:
        cure = f"run `guanjia train {family(run.model)}`"
        raise GuanjiaError(thing, f"does not state its {', '.join(missing)}", cure)
    return Stated(
        version=run.version,
        known_by=date.fromisoformat(run.parameters["known_by"]),
        test_from=date.fromisoformat(run.parameters["test_from"]),
        base_rate=float(run.parameters["base_rate"]),
        figures={n: run.metrics[f"test_{n}"] for n in FIGURES if f"test_{n}" in run.metrics},
        run=run,
        from_registry=from_registry,
    )


def _read_before(lake: Lake, model: str, version: str) -> Version | None:
    """The version's run as the latest file of monitoring that watched it has it."""
    for path in sorted((lake.home / "monitoring").glob("as_of=*.json"), reverse=True):
        for one in json.loads(path.read_text("utf-8"))["models"]:
            run = one["stated"]["run"]
            if one["model"] == model and run["version"] == version:
                return Version(**run)
    return None
