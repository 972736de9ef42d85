"""Fetch the bundle that serves: the registry's champion, copied to the home and verified."""

import tempfile
from pathlib import Path

from features.errors import GuanjiaError
from features.lake import Lake, sha256_of
from training.estimators.bundle import verify
from training.models import find
from training.registry import local_models, versions
from training.registry.mlflow_client import RegistryAwayError
from training.registry.versions import Version


class NoChampionError(GuanjiaError):
    """The model has no champion: no version was promoted."""


def champion(lake: Lake, model: str) -> Path:
    """Fetch and verify the champion's bundle; if the registry is away, the champion last seen.

    Raises
    ------
    NoChampionError
        If no version was ever promoted.
    GuanjiaError
        If the model is not declared, or the bundle is incomplete or altered.
    """
    find(model)
    try:
        version = versions.version_by_alias(lake, model, versions.CHAMPION)
    except RegistryAwayError:
        # The registry is away: the version used last still serves.
        version = local_models.champion_version(lake, model)
    if version is None:
        raise no_champion(model)
    folder = fetch(lake, model, version)
    local_models.set_champion(lake, model, version)
    return folder


def fetch(lake: Lake, model: str, version: str) -> Path:
    """Fetch the bundle of a version into the home, unless it is there, and verify it.

    Parameters
    ----------
    lake : Lake
        Home with the bundles.
    model, version : str
        Name of the model; number of the version in the registry.

    Returns
    -------
    Path
        Folder of the bundle.

    Raises
    ------
    GuanjiaError
        If the registry does not answer, or its files are not those that were registered.
    """
    folder = local_models.bundle_path(lake, model, version)
    if not folder.exists():
        registered = versions.read_version(lake, model, version)
        with tempfile.TemporaryDirectory() as draft:
            bundle = versions.download(lake, registered.run, "bundle", Path(draft))
            _check_unaltered(registered, bundle, versions.SPEC_HASH)
            local_models.save_bundle(lake, model, version, bundle)
    verify(folder)
    return folder


def fetch_judged(lake: Lake, version: Version, folder: Path) -> Path:
    """Fetch and verify the bundle of the candidate that was judged when a version was trained.

    A version of an earlier release was not fitted anew: it was judged itself.

    Parameters
    ----------
    lake : Lake
        Home with the bundles.
    version : Version
        The version, with the tags of its run.
    folder : Path
        Folder to download to.

    Returns
    -------
    Path
        Folder of the bundle.

    Raises
    ------
    GuanjiaError
        If the registry does not answer, or its files are not those that were registered.
    """
    if versions.JUDGED_HASH not in version.tags:
        return fetch(lake, version.model, version.version)
    folder.mkdir(parents=True, exist_ok=True)
    bundle = versions.download(lake, version.run, versions.JUDGED_BUNDLE, folder)
    _check_unaltered(version, bundle, versions.JUDGED_HASH)
    verify(bundle)
    return bundle


def _check_unaltered(version: Version, bundle: Path, tag: str) -> None:
    """Check the specification of a bundle against the hash in a tag of its run."""
    stated = version.tags.get(tag)
    if stated is not None and sha256_of(bundle / "spec.json") != stated:
        raise GuanjiaError(
            f"version {version.version} of {version.model}",
            "was altered in the registry after it was registered, so it is not used",
            "find out who can write to the registry, and train the model again",
        )


def no_champion(model: str) -> NoChampionError:
    """Make the error for a model without a champion, with the commands that give it one."""
    train = f"`guanjia train {family(model)}`"
    promote = f"`guanjia promote {model} --who NAME --why TEXT`"
    return NoChampionError(f"model {model}", "has no champion", f"run {train}, then {promote}")


def family(model: str) -> str:
    """Name the family of the model, as `guanjia train` calls it."""
    return find(model).family or model
