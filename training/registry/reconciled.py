"""Load champions as they serve, and candidates as they are judged: hazards reconciled.

A hazard adds up to the champion of another model (`training.estimators.hazard`). Whoever measures
it measures what customers are answered with. Judged candidates are reconciled with the judged
candidate of that champion, which, like them, has not seen the rows it is tested on.
"""

import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from features.lake import Lake
from training.estimators.bundle import Predictor
from training.estimators.hazard import CoherentHazard
from training.model_spec import ModelSpec
from training.registry import versions
from training.registry.champions import NoChampionError, champion, fetch_judged
from training.registry.mlflow_client import registry_exists


@dataclass(frozen=True)
class JudgedWhole:
    """The judged candidate that hazards are reconciled with, and when its test slice begins."""

    predictor: Predictor
    test_from: date


def load_served(folder: Path, lake: Lake) -> Predictor:
    """Load a champion's bundle as it serves: a hazard adds up to the champion of its other model.

    Parameters
    ----------
    folder : Path
        Folder of the verified bundle.
    lake : Lake
        Home whose registry knows the other champion; if there is none, the hazard serves alone.
    """
    predictor = Predictor.load(folder)
    if not predictor.adds_up_to:
        return predictor
    try:
        whole = champion(lake, predictor.adds_up_to)
    except NoChampionError:
        return predictor
    return CoherentHazard(predictor, Predictor.load(whole))


def judged_whole(lake: Lake, model: ModelSpec) -> JudgedWhole | None:
    """Load the judged candidate of the champion that a hazard adds up to.

    Parameters
    ----------
    lake : Lake
        Home whose settings name the registry.
    model : ModelSpec
        The hazard.

    Returns
    -------
    JudgedWhole or None
        None if the model is no hazard, the other model has no champion, or the champion's run does
        not state when its test slice begins.
    """
    version = (
        versions.read_version_by_alias(lake, model.adds_up_to, versions.CHAMPION)
        if model.adds_up_to and registry_exists(lake)
        else None
    )
    if version is None or "test_from" not in version.parameters:
        return None
    with tempfile.TemporaryDirectory() as scratch:
        predictor = Predictor.load(fetch_judged(lake, version, Path(scratch)))
    return JudgedWhole(predictor, date.fromisoformat(version.parameters["test_from"]))


def judged_as_served(predictor: Predictor, whole: Predictor | None) -> Predictor:
    """Reconcile a judged candidate, if its bundle says so and there is something to add up to.

    Parameters
    ----------
    predictor : Predictor
        The judged candidate.
    whole : Predictor or None
        The judged candidate of the model it adds up to.
    """
    return (
        predictor if whole is None or not predictor.adds_up_to else CoherentHazard(predictor, whole)
    )
