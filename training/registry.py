"""The registry of runs and models; the only module that imports mlflow.

MLflow keeps the history and says which version is champion. What serving reads is a verified local
folder, so prediction goes on when MLflow is away.
"""

import json
import math
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from features.errors import GuanjiaError
from features.lake import Lake
from features.publishing import published, published_folder
from training.models import FAMILIES, find
from training.predictor import FILES, verify

# Read by mlflow when it is imported: native text only, and nothing is sent home.
os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] = "false"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")

EXPERIMENT = "guanjia"
CHAMPION = "champion"


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
) -> str:
    """Log a run with its bundle, register it as a new version, and make that champion.

    Returns
    -------
    str
        The version's number in the registry.
    """
    from mlflow.models import infer_signature

    spec = verify(bundle)
    client = _client(lake)
    run = client.create_run(_experiment(lake, client), run_name=f"{model}-{spec['version']}")
    run_id: str = run.info.run_id
    try:
        for key, value in parameters.items():
            client.log_param(run_id, key, value)
        for key, number in metrics.items():
            if not math.isnan(number):
                client.log_metric(run_id, key, float(number))
        stated = {**tags, "feature_service": spec["service"], "bundle_version": spec["version"]}
        for key, text in stated.items():
            client.set_tag(run_id, key, text)
        signature = infer_signature(example, np.zeros(len(example)))
        client.log_text(run_id, json.dumps(signature.to_dict()), "signature.json")
        client.log_artifacts(run_id, str(bundle), "bundle")
        for path in files:
            client.log_artifact(run_id, str(path), "evaluation")
        version = _version(client, model, run, stated)
    except BaseException:
        client.set_terminated(run_id, "FAILED")
        raise
    client.set_terminated(run_id)
    client.set_registered_model_alias(model, CHAMPION, version)
    _keep(lake, model, version, bundle)
    return version


def champion(lake: Lake, model: str) -> Path:
    """The verified local folder of the champion, from the registry or, if away, as last seen.

    Raises
    ------
    GuanjiaError
        If the model has never been trained, or the bundle was altered.
    """
    find(model)
    current = _models(lake, model) / "champion.json"
    try:
        if lake.settings.mlflow_tracking_uri is None and not _database(lake).exists():
            raise FileNotFoundError(_database(lake))
        client = _client(lake)
        found = client.get_model_version_by_alias(model, CHAMPION)
        version = str(found.version)
        folder = _models(lake, model) / version
        if not folder.exists():
            with tempfile.TemporaryDirectory() as draft:
                got = client.download_artifacts(found.run_id, "bundle", draft)
                _keep(lake, model, version, Path(got))
        else:
            _point(lake, model, version)
    except GuanjiaError:
        raise
    except Exception as fault:
        # Whatever is wrong with the registry, the version used last is still right to use.
        if not current.exists():
            raise GuanjiaError(
                f"model {model}",
                f"has no champion ({type(fault).__name__})",
                f"run `guanjia train {_family(model)}`",
            ) from fault
        folder = _models(lake, model) / json.loads(current.read_text("utf-8"))["version"]
    verify(folder)
    return folder


def _version(client: Any, model: str, run: Any, tags: Mapping[str, str]) -> str:
    from mlflow.exceptions import MlflowException

    try:
        client.get_registered_model(model)
    except MlflowException:
        client.create_registered_model(model, description=find(model).label)
    source = f"{run.info.artifact_uri}/bundle"
    made = client.create_model_version(model, source, run.info.run_id, tags=dict(tags))
    return str(made.version)


def _keep(lake: Lake, model: str, version: str, bundle: Path) -> None:
    verify(bundle)
    with published_folder(_models(lake, model) / version) as draft:
        for name in (*FILES, "spec.json"):
            shutil.copyfile(bundle / name, draft / name)
    _point(lake, model, version)


def _point(lake: Lake, model: str, version: str) -> None:
    with published(_models(lake, model) / "champion.json") as draft:
        draft.write_text(json.dumps({"version": version}), "utf-8")


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
        client.search_experiments(max_results=1)
    return client


def _experiment(lake: Lake, client: Any) -> str:
    found = client.get_experiment_by_name(EXPERIMENT)
    if found is not None:
        return str(found.experiment_id)
    local = lake.settings.mlflow_tracking_uri is None
    place = (lake.home / "mlflow" / "artifacts").as_uri() if local else None
    return str(client.create_experiment(EXPERIMENT, artifact_location=place))


def _database(lake: Lake) -> Path:
    return lake.home / "mlflow" / "mlflow.db"


def _models(lake: Lake, model: str) -> Path:
    return lake.home / "models" / model


def _family(model: str) -> str:
    """What `guanjia train` calls the model's family."""
    return next(family for family, names in FAMILIES.items() if model in names)
