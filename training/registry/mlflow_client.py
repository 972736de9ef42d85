"""Connect to MLflow: a client, its experiment, and its errors as errors of ours.

Only this module, `first_page`, `versions` and `registration` import mlflow.
"""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from features.errors import GuanjiaError
from features.lake import Lake
from training.registry.moved_home import follow_moved_home

# Read by mlflow when it is imported: no pickles, no telemetry.
os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] = "false"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
# Only results of commands go to stdout.
os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
# A server that is away is reported within seconds; MLflow's defaults take minutes.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")

EXPERIMENT = "guanjia"
EXPERIMENT_TAGS = {
    "mlflow.note.content": "A run is a training, named by model and version. Compare runs of one "
    "`tags.model`: by `test_auc` and `test_log_loss` where a probability is predicted, by "
    "`test_gini` and `test_deviance` where a count or an amount is. The figures are those of the "
    "judged candidate; what serves is the version with the alias `champion`.",
    # Its page is then the table of runs; else MLflow asks what the experiment is for.
    "mlflow.experimentKind": "custom_model_development",
    "mlflow.experiment.primaryMetric.name": "test_auc",
    "mlflow.experiment.primaryMetric.greaterIsBetter": "True",
}
"""What the page of the experiment shows."""


class RegistryAwayError(GuanjiaError):
    """The registry does not answer."""


@contextmanager
def client_session(lake: Lake, thing: str = "") -> Iterator[Any]:
    """Yield a client; errors of MLflow within the block become `RegistryAwayError`.

    Parameters
    ----------
    lake : Lake
        Home whose settings name the registry.
    thing : str
        What is asked for, for the error; empty: the registry.
    """
    try:
        yield _client(lake)
    except GuanjiaError:
        raise
    except Exception as fault:
        raise away_error(lake, fault, thing) from fault


def away_error(lake: Lake, fault: Exception, thing: str = "") -> RegistryAwayError:
    """Make the error for an error of MLflow.

    Parameters
    ----------
    lake : Lake
        Home whose settings name the registry.
    fault : Exception
        The error of MLflow.
    thing : str
        What was asked for; empty: the registry.
    """
    server = lake.settings.mlflow_tracking_uri
    message = str(fault).splitlines()[0][:200] if str(fault) else ""
    return RegistryAwayError(
        thing or f"the registry at {server or database(lake)}",
        f"cannot be read ({type(fault).__name__}: {message})",
        "start MLflow, and check GUANJIA_MLFLOW_TRACKING_URI, MLFLOW_TRACKING_USERNAME and "
        "MLFLOW_TRACKING_PASSWORD"
        if server
        else f"run `guanjia train`, or restore {database(lake)} from a backup",
    )


def _client(lake: Lake) -> Any:
    from mlflow import MlflowClient

    uri = lake.settings.mlflow_tracking_uri
    if uri is None:
        database(lake).parent.mkdir(parents=True, exist_ok=True)
        follow_moved_home(lake, database(lake))
        uri = f"sqlite:///{database(lake)}"
    with warnings.catch_warnings():
        # Opening the database, mlflow uses what newer SQLAlchemy and alembic call deprecated.
        warnings.simplefilter("ignore")
        client = MlflowClient(tracking_uri=uri, registry_uri=uri)
        if lake.settings.mlflow_tracking_uri is None:
            client.search_experiments(max_results=1)
    return client


def experiment_id(lake: Lake, client: Any) -> str:
    """Return the id of the experiment of Guanjia, created if it is missing."""
    experiment = client.get_experiment_by_name(EXPERIMENT)
    if experiment is not None:
        for name in EXPERIMENT_TAGS.keys() - experiment.tags.keys():
            client.set_experiment_tag(experiment.experiment_id, name, EXPERIMENT_TAGS[name])
        return str(experiment.experiment_id)
    local = lake.settings.mlflow_tracking_uri is None
    artifacts = (lake.home / "mlflow" / "artifacts").as_uri() if local else None
    created = client.create_experiment(
        EXPERIMENT, artifact_location=artifacts, tags=EXPERIMENT_TAGS
    )
    return str(created)


def registry_exists(lake: Lake) -> bool:
    """Check whether there is a registry, without creating an empty one as MLflow would."""
    return lake.settings.mlflow_tracking_uri is not None or database(lake).exists()


def database(lake: Lake) -> Path:
    """Return the path of the registry's database, used if no server is configured."""
    return lake.home / "mlflow" / "mlflow.db"
