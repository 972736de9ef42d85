"""Read and mark versions of models in MLflow.

MLflow keeps the history and says which version is champion and which is challenger. What serving
reads is a verified local folder (`training.registry.champions`), so prediction goes on when MLflow
is away.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from features.lake import Lake
from training.registry.alias_file import NotInFileError, version_in_file
from training.registry.mlflow_client import away_error, client_session, database, registry_exists

CHAMPION = "champion"
CHALLENGER = "challenger"
ACT = "act."
SPEC_HASH = "spec_sha256"
JUDGED_HASH = "judged_spec_sha256"
JUDGED_BUNDLE = "judged"
"""Artifact of a run: the bundle of the candidate that was judged, which serves nobody."""


@dataclass(frozen=True)
class Version:
    """A version of a model, with the parameters, tags and metrics of its run.

    Attributes
    ----------
    model, version, run : str
        Name, number in the registry, id of the run.
    parameters, tags : Mapping[str, str]
        Parameters and tags of the run.
    metrics : Mapping[str, float]
        Metrics of the run; empty if they were not read.
    """

    model: str
    version: str
    run: str
    parameters: Mapping[str, str]
    tags: Mapping[str, str]
    metrics: Mapping[str, float] = field(default_factory=dict)


def version_by_alias(lake: Lake, model: str, alias: str) -> str | None:
    """Look up the number of the version that bears an alias; None if there is none.

    Parameters
    ----------
    lake : Lake
        Home whose settings name the registry.
    model, alias : str
        Name of the model; `CHAMPION` or `CHALLENGER`.

    Raises
    ------
    RegistryAwayError
        If the registry does not answer.
    """
    if not registry_exists(lake):
        raise away_error(lake, FileNotFoundError("no database"))
    if lake.settings.mlflow_tracking_uri is None:
        with suppress(NotInFileError):
            return version_in_file(database(lake), model, alias)
    with client_session(lake) as client:
        return _version_by_alias(client, model, alias)


def read_version_by_alias(lake: Lake, model: str, alias: str) -> Version | None:
    """Read the version that bears an alias, with its run; None if there is none.

    Parameters
    ----------
    lake : Lake
        Home whose settings name the registry.
    model, alias : str
        Name of the model; `CHAMPION` or `CHALLENGER`.
    """
    number = version_by_alias(lake, model, alias)
    return None if number is None else read_version(lake, model, number)


def read_version(lake: Lake, model: str, version: str) -> Version:
    """Read a version with the parameters, tags and metrics of its run.

    Parameters
    ----------
    lake : Lake
        Home whose settings name the registry.
    model, version : str
        Name of the model; number of the version in the registry.
    """
    with client_session(lake) as client:
        registered = client.get_model_version(model, version)
        run = client.get_run(registered.run_id)
    return Version(
        model,
        version,
        registered.run_id,
        dict(run.data.params),
        dict(run.data.tags),
        dict(run.data.metrics),
    )


def read_run(lake: Lake, run: str) -> Version:
    """Read a run by its id, or by `model/version`."""
    model, _, number = run.partition("/")
    if number:
        return read_version(lake, model, number)
    with client_session(lake, f"run {run}") as client:
        data = client.get_run(run).data
    return Version(data.tags.get("model", ""), "", run, data.params, data.tags)


def download(lake: Lake, run: str, path: str, folder: Path) -> Path:
    """Fetch an artifact of a run.

    Parameters
    ----------
    lake : Lake
        Home whose settings name the registry.
    run, path : str
        Id of the run; path of the artifact in it.
    folder : Path
        Folder to download to.

    Returns
    -------
    Path
        The file or folder.
    """
    with client_session(lake, f"{path} of run {run}") as client:
        return Path(client.download_artifacts(run, path, str(folder)))


def set_champion(lake: Lake, model: str, version: str) -> None:
    """Make a version the champion; `training.promotion.promote` decides whether it may be.

    Parameters
    ----------
    lake : Lake
        Home whose settings name the registry.
    model, version : str
        Name of the model; number of the version in the registry.
    """
    with client_session(lake) as client:
        client.set_registered_model_alias(model, CHAMPION, version)


def read_acts(lake: Lake, model: str) -> list[dict[str, Any]]:
    """Read the promotions and rollbacks of a model, oldest first."""
    from mlflow.exceptions import MlflowException

    if not registry_exists(lake):
        return []
    with client_session(lake) as client:
        try:
            tags = client.get_registered_model(model).tags
        except MlflowException as fault:
            if fault.error_code == "RESOURCE_DOES_NOT_EXIST":
                return []
            raise
    return [json.loads(tags[name]) for name in sorted(tags) if name.startswith(ACT)]


def write_act(lake: Lake, model: str, act: Mapping[str, Any]) -> None:
    """Write a promotion or rollback under its number, in place of an earlier one.

    Parameters
    ----------
    lake : Lake
        Home whose settings name the registry.
    model : str
        Name of the model.
    act : mapping
        Promotion or rollback, with its `number`.
    """
    with client_session(lake) as client:
        text = json.dumps(act, ensure_ascii=False, sort_keys=True)
        client.set_registered_model_tag(model, f"{ACT}{act['number']:05d}", text)


def attach_evidence(
    lake: Lake, version: Version, tags: Mapping[str, str], document: str, content: object
) -> None:
    """Set tags of a version, and write a JSON file to its run.

    Parameters
    ----------
    lake : Lake
        Home whose settings name the registry.
    version : Version
        The version, with its run.
    tags : Mapping[str, str]
        Tags to set.
    document : str
        Path of the file in the run.
    content : object
        Content of the file, of types of JSON.
    """
    with client_session(lake) as client:
        text = json.dumps(content, ensure_ascii=False, indent=1)
        client.log_text(version.run, text, document)
        for key, value in tags.items():
            client.set_model_version_tag(version.model, version.version, key, value)


def _version_by_alias(client: Any, model: str, alias: str) -> str | None:
    from mlflow.exceptions import MlflowException

    try:
        return str(client.get_model_version_by_alias(model, alias).version)
    except MlflowException as fault:
        if fault.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise
