"""The way to MLflow: a client, its experiment, and its faults said as ours.

With `training.registry.versions` the only module that imports mlflow.
"""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from features.errors import GuanjiaError
from features.lake import Lake

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


class RegistryAwayError(GuanjiaError):
    """The registry does not answer."""


@contextmanager
def asked(lake: Lake, thing: str = "") -> Iterator[Any]:
    """A client; whatever MLflow finds wrong is said as ours."""
    try:
        yield _client(lake)
    except GuanjiaError:
        raise
    except Exception as fault:
        raise away(lake, fault, thing) from fault


def away(lake: Lake, fault: Exception, thing: str = "") -> RegistryAwayError:
    """The error for a fault of MLflow: of the thing named, or of the registry."""
    where = lake.settings.mlflow_tracking_uri
    said = str(fault).splitlines()[0][:200] if str(fault) else ""
    return RegistryAwayError(
        thing or f"the registry at {where or database(lake)}",
        f"cannot be asked ({type(fault).__name__}: {said})",
        "start MLflow, and check GUANJIA_MLFLOW_TRACKING_URI, MLFLOW_TRACKING_USERNAME and "
        "MLFLOW_TRACKING_PASSWORD"
        if where
        else f"run `guanjia train`, or put {database(lake)} back",
    )


def _client(lake: Lake) -> Any:
    from mlflow import MlflowClient

    uri = lake.settings.mlflow_tracking_uri
    if uri is None:
        database(lake).parent.mkdir(parents=True, exist_ok=True)
        uri = f"sqlite:///{database(lake)}"
    with warnings.catch_warnings():
        # Opening the database, mlflow uses what newer SQLAlchemy and alembic call deprecated.
        warnings.simplefilter("ignore")
        client = MlflowClient(tracking_uri=uri, registry_uri=uri)
        if lake.settings.mlflow_tracking_uri is None:
            client.search_experiments(max_results=1)
    return client


def experiment(lake: Lake, client: Any) -> str:
    """The id of our experiment, made where there is none."""
    found = client.get_experiment_by_name(EXPERIMENT)
    if found is not None:
        return str(found.experiment_id)
    local = lake.settings.mlflow_tracking_uri is None
    place = (lake.home / "mlflow" / "artifacts").as_uri() if local else None
    return str(client.create_experiment(EXPERIMENT, artifact_location=place))


def exists(lake: Lake) -> bool:
    """Whether there is a registry to ask; asking would make an empty one."""
    return lake.settings.mlflow_tracking_uri is not None or database(lake).exists()


def database(lake: Lake) -> Path:
    """Where the registry of a home lies if no server is named."""
    return lake.home / "mlflow" / "mlflow.db"
