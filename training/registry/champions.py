"""Which bundle serves: what the registry calls champion, brought here and verified."""

import tempfile
from pathlib import Path

from features.errors import GuanjiaError
from features.lake import Lake, sha256_of
from training.estimators.bundle import verify
from training.models import find
from training.registry import local_models
from training.registry import versions as registry
from training.registry.mlflow_client import RegistryAwayError


class NoChampionError(GuanjiaError):
    """A model that nobody promoted."""


def champion(lake: Lake, model: str) -> Path:
    """The verified local folder of the champion, from the registry or, if away, as last seen.

    Raises
    ------
    NoChampionError
        If no version was ever promoted.
    GuanjiaError
        If the bundle was altered.
    """
    find(model)
    try:
        version = registry.named(lake, model, registry.CHAMPION)
    except RegistryAwayError:
        # Whatever is wrong with the registry, the version used last is still right to use.
        version = local_models.pointed(lake, model)
    if version is None:
        raise no_champion(model)
    folder = fetch(lake, model, version)
    local_models.point(lake, model, version)
    return folder


def fetch(lake: Lake, model: str, version: str) -> Path:
    """The verified local folder of a version, from the registry where it is not here yet.

    Raises
    ------
    GuanjiaError
        If the registry does not answer, or its files are not those that were registered.
    """
    folder = local_models.place(lake, model, version)
    if not folder.exists():
        found = registry.read_version(lake, model, version)
        with tempfile.TemporaryDirectory() as draft:
            bundle = registry.download(lake, found.run, "bundle", Path(draft))
            stated = found.tags.get(registry.SPEC_HASH)
            if stated is not None and sha256_of(bundle / "spec.json") != stated:
                raise GuanjiaError(
                    f"version {version} of {model}",
                    "was altered in the registry: it is not what was registered",
                    "see who can write there, and train the model again",
                )
            local_models.keep(lake, model, version, bundle)
    verify(folder)
    return folder


def no_champion(model: str) -> NoChampionError:
    """The fault of a model that nobody promoted."""
    train = f"`guanjia train {family(model)}`"
    promote = f"`guanjia promote {model} --who NAME --why TEXT`"
    return NoChampionError(f"model {model}", "has no champion", f"run {train}, then {promote}")


def family(model: str) -> str:
    """Name the family of the model, as `guanjia train` calls it."""
    return find(model).family or model
