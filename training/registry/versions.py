"""The registry of runs and models.

MLflow keeps the history and says which version is champion and which is challenger. What serving
reads is a verified local folder (`training.registry.champions`), so prediction goes on when MLflow
is away.
"""

import json
import math
import os
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from features.lake import Lake, sha256_of
from features.publishing import is_running
from training.estimators.bundle import verify
from training.models import find
from training.registry.alias_file import NotInFileError, version_in_file
from training.registry.mlflow_client import asked, away, database, exists, experiment

if TYPE_CHECKING:
    import pandas as pd

CHAMPION = "champion"
CHALLENGER = "challenger"
ACT = "act."
SPEC_HASH = "spec_sha256"


@dataclass(frozen=True)
class Version:
    """A version of a model, with what its run states.

    Attributes
    ----------
    model, version, run : str
        Name, number in the registry, id of the run.
    parameters, tags : Mapping[str, str]
        Of the run.
    metrics : Mapping[str, float]
        Of the run; empty where nobody asked for them.
    """

    model: str
    version: str
    run: str
    parameters: Mapping[str, str]
    tags: Mapping[str, str]
    metrics: Mapping[str, float] = field(default_factory=dict)


def register(
    lake: Lake,
    model: str,
    bundle: Path,
    *,
    parameters: Mapping[str, object],
    metrics: Mapping[str, float],
    tags: Mapping[str, str],
    files: Iterable[Path],
    example: "pd.DataFrame",
    documents: Mapping[str, object] | None = None,
) -> str:
    """Log a run with its bundle, register it as a new version, and make that the challenger.

    The alias comes last: whoever is killed before leaves a run that the next one marks as killed,
    or a version that nothing names.

    Parameters
    ----------
    documents : Mapping[str, object], optional
        Further things to log, each as a JSON file of that name.

    Returns
    -------
    str
        The version's number in the registry.
    """
    import numpy as np
    from mlflow.models import infer_signature

    spec = verify(bundle)
    stated = {
        **tags,
        "model": model,
        "feature_service": spec["service"],
        "bundle_version": spec["version"],
        SPEC_HASH: sha256_of(bundle / "spec.json"),
    }
    with asked(lake) as client:
        name = f"{model}-{spec['version']}"
        with _logged(lake, client, name, parameters, metrics, stated, bundle) as run:
            signature = infer_signature(example, np.zeros(len(example)))
            for title, value in {"signature": signature.to_dict(), **(documents or {})}.items():
                text = json.dumps(value, ensure_ascii=False)
                client.log_text(run.info.run_id, text, f"{title}.json")
            for path in files:
                client.log_artifact(run.info.run_id, str(path), "evaluation")
            version = _version(client, model, run, stated)
        client.set_registered_model_alias(model, CHALLENGER, version)
    return version


def log_run(
    lake: Lake,
    model: str,
    version: str,
    *,
    parameters: Mapping[str, object],
    metrics: Mapping[str, float],
    tags: Mapping[str, str],
    bundle: Path,
) -> str:
    """Log a finished run with its bundle, and register nothing.

    Returns
    -------
    str
        The run's number.
    """
    stated = {**tags, "model": model}
    with (
        asked(lake) as client,
        _logged(lake, client, f"{model}-{version}", parameters, metrics, stated, bundle) as run,
    ):
        return str(run.info.run_id)


def named(lake: Lake, model: str, alias: str) -> str | None:
    """The number of the version that bears an alias; None where none does.

    Raises
    ------
    RegistryAwayError
        If the registry cannot say.
    """
    if not exists(lake):
        raise away(lake, FileNotFoundError("no database"))
    if lake.settings.mlflow_tracking_uri is None:
        with suppress(NotInFileError):
            return version_in_file(database(lake), model, alias)
    with asked(lake) as client:
        return _named(client, model, alias)


def version_of(lake: Lake, model: str, alias: str) -> Version | None:
    """The version that bears an alias, with what its run states; None where none does."""
    number = named(lake, model, alias)
    return None if number is None else read_version(lake, model, number)


def read_version(lake: Lake, model: str, version: str) -> Version:
    """A version with what its run states."""
    with asked(lake) as client:
        found = client.get_model_version(model, version)
        run = client.get_run(found.run_id)
    stated, tags, metrics = (
        dict(one) for one in (run.data.params, run.data.tags, run.data.metrics)
    )
    return Version(model, version, found.run_id, stated, tags, metrics)


def read_run(lake: Lake, run: str) -> Version:
    """A run by its id, or by `model/version`."""
    model, _, number = run.partition("/")
    if number:
        return read_version(lake, model, number)
    with asked(lake, f"run {run}") as client:
        found = client.get_run(run)
    return Version(found.data.tags.get("model", ""), "", run, found.data.params, found.data.tags)


def download(lake: Lake, run: str, path: str, folder: Path) -> Path:
    """An artifact of a run, in `folder`."""
    with asked(lake, f"{path} of run {run}") as client:
        return Path(client.download_artifacts(run, path, str(folder)))


def move(lake: Lake, model: str, version: str) -> None:
    """Make a version the champion; who may is decided by `training.promotion.promote`."""
    with asked(lake) as client:
        client.set_registered_model_alias(model, CHAMPION, version)


def read_acts(lake: Lake, model: str) -> list[dict[str, Any]]:
    """What was promoted and rolled back, oldest first."""
    from mlflow.exceptions import MlflowException

    if not exists(lake):
        return []
    with asked(lake) as client:
        try:
            tags = client.get_registered_model(model).tags
        except MlflowException as fault:
            if fault.error_code == "RESOURCE_DOES_NOT_EXIST":
                return []
            raise
    return [json.loads(tags[name]) for name in sorted(tags) if name.startswith(ACT)]


def write_act(lake: Lake, model: str, act: Mapping[str, Any]) -> None:
    """Write an act, or write it anew."""
    with asked(lake) as client:
        text = json.dumps(act, ensure_ascii=False, sort_keys=True)
        client.set_registered_model_tag(model, f"{ACT}{act['number']:05d}", text)


def attach(
    lake: Lake, version: Version, tags: Mapping[str, str], document: str, content: object
) -> None:
    """Tags on a version, and a JSON file in its run."""
    with asked(lake) as client:
        text = json.dumps(content, ensure_ascii=False, indent=1)
        client.log_text(version.run, text, document)
        for key, value in tags.items():
            client.set_model_version_tag(version.model, version.version, key, value)


@contextmanager
def _logged(
    lake: Lake,
    client: Any,
    name: str,
    parameters: Mapping[str, object],
    metrics: Mapping[str, float],
    tags: Mapping[str, str],
    bundle: Path,
) -> Iterator[Any]:
    """A run with all that; it fails if what is done within does, and is finished otherwise."""
    from mlflow.entities import Metric, Param

    group = experiment(lake, client)
    _bury(client, group, tags["model"])
    writer = {"writer": f"{socket.gethostname()}:{os.getpid()}"}
    run = client.create_run(group, run_name=name, tags={**tags, **writer})
    run_id: str = run.info.run_id
    try:
        client.log_batch(
            run_id,
            metrics=[
                Metric(key, float(number), run.info.start_time, 0)
                for key, number in metrics.items()
                if not math.isnan(number)
            ],
            params=[Param(key, str(value)) for key, value in parameters.items()],
        )
        client.log_artifacts(run_id, str(bundle), "bundle")
        yield run
    except BaseException:
        client.set_terminated(run_id, "FAILED")
        raise
    client.set_terminated(run_id)


def _named(client: Any, model: str, alias: str) -> str | None:
    from mlflow.exceptions import MlflowException

    try:
        return str(client.get_model_version_by_alias(model, alias).version)
    except MlflowException as fault:
        if fault.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise


def _version(client: Any, model: str, run: Any, tags: Mapping[str, str]) -> str:
    from mlflow.exceptions import MlflowException

    try:
        client.get_registered_model(model)
    except MlflowException:
        client.create_registered_model(model, description=find(model).label)
    source = f"{run.info.artifact_uri}/bundle"
    made = client.create_model_version(model, source, run.info.run_id, tags=dict(tags))
    return str(made.version)


def _bury(client: Any, experiment: str, model: str) -> None:
    """Mark the runs of writers of this machine that were killed."""
    wanted = f"attributes.status = 'RUNNING' and tags.model = '{model}'"
    for run in client.search_runs([experiment], wanted):
        host, _, process = run.data.tags.get("writer", "").partition(":")
        if host == socket.gethostname() and process.isdecimal() and not is_running(int(process)):
            client.set_terminated(run.info.run_id, "KILLED")
