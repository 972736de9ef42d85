"""The registry of runs and models; the only module that imports mlflow.

MLflow keeps the history and says which version is champion and which is challenger. What serving
reads is a verified local folder (`training.champions`), so prediction goes on when MLflow is away.
"""

import json
import math
import os
import socket
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from features.errors import GuanjiaError
from features.lake import Lake, sha256_of
from features.publishing import lives
from training.models import find
from training.predictor import verify

# Read by mlflow when it is imported: native text only, and nothing is sent home.
os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] = "false"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
# Results go to stdout, and nothing else does.
os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
# A server that is away is said so within seconds; MLflow's own defaults take minutes.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")

EXPERIMENT = "guanjia"
CHAMPION = "champion"
CHALLENGER = "challenger"
ACT = "act."
SPEC_HASH = "spec_sha256"


class RegistryAwayError(GuanjiaError):
    """The registry does not answer."""


@dataclass(frozen=True)
class Version:
    """A version of a model, with what its run states.

    Attributes
    ----------
    model, version, run : str
        Name, number in the registry, id of the run.
    parameters, tags : Mapping[str, str]
        Of the run.
    """

    model: str
    version: str
    run: str
    parameters: Mapping[str, str]
    tags: Mapping[str, str]


def register(
    lake: Lake,
    model: str,
    bundle: Path,
    *,
    parameters: Mapping[str, object],
    metrics: Mapping[str, float],
    tags: Mapping[str, str],
    files: Iterable[Path],
    example: pd.DataFrame,
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
    from mlflow.entities import Metric, Param
    from mlflow.models import infer_signature

    spec = verify(bundle)
    with _asked(lake) as client:
        experiment = _experiment(lake, client)
        _bury(client, experiment, model)
        stated = {
            **tags,
            "model": model,
            "feature_service": spec["service"],
            "bundle_version": spec["version"],
            SPEC_HASH: sha256_of(bundle / "spec.json"),
        }
        run = client.create_run(
            experiment,
            run_name=f"{model}-{spec['version']}",
            tags={**stated, "writer": f"{socket.gethostname()}:{os.getpid()}"},
        )
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
            signature = infer_signature(example, np.zeros(len(example)))
            for name, value in {"signature": signature.to_dict(), **(documents or {})}.items():
                client.log_text(run_id, json.dumps(value, ensure_ascii=False), f"{name}.json")
            client.log_artifacts(run_id, str(bundle), "bundle")
            for path in files:
                client.log_artifact(run_id, str(path), "evaluation")
            version = _version(client, model, run, stated)
        except BaseException:
            client.set_terminated(run_id, "FAILED")
            raise
        client.set_terminated(run_id)
        client.set_registered_model_alias(model, CHALLENGER, version)
    return version


def named(lake: Lake, model: str, alias: str) -> str | None:
    """The number of the version that bears an alias; None where none does.

    Raises
    ------
    RegistryAwayError
        If the registry cannot say.
    """
    if not _exists(lake):
        raise _away(lake, FileNotFoundError("no database"))
    with _asked(lake) as client:
        return _named(client, model, alias)


def version_of(lake: Lake, model: str, alias: str) -> Version | None:
    """The version that bears an alias, with what its run states; None where none does."""
    number = named(lake, model, alias)
    return None if number is None else read_version(lake, model, number)


def read_version(lake: Lake, model: str, version: str) -> Version:
    """A version with what its run states."""
    with _asked(lake) as client:
        found = client.get_model_version(model, version)
        run = client.get_run(found.run_id)
    return Version(model, version, found.run_id, dict(run.data.params), dict(run.data.tags))


def read_run(lake: Lake, run: str) -> Version:
    """A run by its id, or by `model/version`."""
    model, _, number = run.partition("/")
    if number:
        return read_version(lake, model, number)
    with _asked(lake, f"run {run}") as client:
        found = client.get_run(run)
    return Version(found.data.tags.get("model", ""), "", run, found.data.params, found.data.tags)


def download(lake: Lake, run: str, path: str, folder: Path) -> Path:
    """An artifact of a run, in `folder`."""
    with _asked(lake, f"{path} of run {run}") as client:
        return Path(client.download_artifacts(run, path, str(folder)))


def move(lake: Lake, model: str, version: str) -> None:
    """Make a version the champion; who may is decided by `training.promotion`."""
    with _asked(lake) as client:
        client.set_registered_model_alias(model, CHAMPION, version)


def read_acts(lake: Lake, model: str) -> list[dict[str, Any]]:
    """What was promoted and rolled back, oldest first."""
    from mlflow.exceptions import MlflowException

    if not _exists(lake):
        return []
    with _asked(lake) as client:
        try:
            tags = client.get_registered_model(model).tags
        except MlflowException as fault:
            if fault.error_code == "RESOURCE_DOES_NOT_EXIST":
                return []
            raise
    return [json.loads(tags[name]) for name in sorted(tags) if name.startswith(ACT)]


def write_act(lake: Lake, model: str, act: Mapping[str, Any]) -> None:
    """Write an act, or write it anew."""
    with _asked(lake) as client:
        text = json.dumps(act, ensure_ascii=False, sort_keys=True)
        client.set_registered_model_tag(model, f"{ACT}{act['number']:05d}", text)


def attach(
    lake: Lake, version: Version, tags: Mapping[str, str], document: str, content: object
) -> None:
    """Tags on a version, and a JSON file in its run."""
    with _asked(lake) as client:
        text = json.dumps(content, ensure_ascii=False, indent=1)
        client.log_text(version.run, text, document)
        for key, value in tags.items():
            client.set_model_version_tag(version.model, version.version, key, value)


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
        if host == socket.gethostname() and process.isdecimal() and not lives(int(process)):
            client.set_terminated(run.info.run_id, "KILLED")


@contextmanager
def _asked(lake: Lake, thing: str = "") -> Iterator[Any]:
    """A client; whatever MLflow finds wrong is said as ours."""
    try:
        yield _client(lake)
    except GuanjiaError:
        raise
    except Exception as fault:
        raise _away(lake, fault, thing) from fault


def _away(lake: Lake, fault: Exception, thing: str = "") -> RegistryAwayError:
    where = lake.settings.mlflow_tracking_uri
    said = str(fault).splitlines()[0][:200] if str(fault) else ""
    return RegistryAwayError(
        thing or f"the registry at {where or _database(lake)}",
        f"cannot be asked ({type(fault).__name__}: {said})",
        "start MLflow, and check GUANJIA_MLFLOW_TRACKING_URI, MLFLOW_TRACKING_USERNAME and "
        "MLFLOW_TRACKING_PASSWORD"
        if where
        else f"run `guanjia train`, or put {_database(lake)} back",
    )


def _client(lake: Lake) -> Any:
    from mlflow import MlflowClient

    uri = lake.settings.mlflow_tracking_uri
    if uri is None:
        _database(lake).parent.mkdir(parents=True, exist_ok=True)
        uri = f"sqlite:///{_database(lake)}"
    with warnings.catch_warnings():
        # Opening the database, mlflow uses what newer SQLAlchemy and alembic call deprecated.
        warnings.simplefilter("ignore")
        client = MlflowClient(tracking_uri=uri, registry_uri=uri)
        if lake.settings.mlflow_tracking_uri is None:
            client.search_experiments(max_results=1)
    return client


def _experiment(lake: Lake, client: Any) -> str:
    found = client.get_experiment_by_name(EXPERIMENT)
    if found is not None:
        return str(found.experiment_id)
    local = lake.settings.mlflow_tracking_uri is None
    place = (lake.home / "mlflow" / "artifacts").as_uri() if local else None
    return str(client.create_experiment(EXPERIMENT, artifact_location=place))


def _exists(lake: Lake) -> bool:
    """Whether there is a registry to ask; asking would make an empty one."""
    return lake.settings.mlflow_tracking_uri is not None or _database(lake).exists()


def _database(lake: Lake) -> Path:
    return lake.home / "mlflow" / "mlflow.db"
