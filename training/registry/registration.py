"""Log runs in MLflow and register their bundles as versions of models."""

import json
import math
import os
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from features.lake import Lake, sha256_of
from features.publishing import is_running
from training.estimators.bundle import verify
from training.registry.mlflow_client import client_session, experiment_id
from training.registry.run_page import RunPage
from training.registry.versions import CHALLENGER, JUDGED_BUNDLE, JUDGED_HASH, SPEC_HASH

if TYPE_CHECKING:
    import pandas as pd


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
    judged_bundle: Path | None = None,
    page: RunPage | None = None,
) -> str:
    """Log a run with its bundle, register it as a new version, and make that the challenger.

    The alias comes last: a process killed before leaves a run that the next one marks as killed,
    or a version without an alias.

    Parameters
    ----------
    lake : Lake
        Home whose settings name the registry.
    model : str
        Name of the model.
    bundle : Path
        Folder of the bundle.
    parameters, metrics, tags : mapping
        Parameters, metrics and tags of the run; metrics that are NaN are left out.
    files : iterable of Path
        Files of the evaluation to log.
    example : pandas.DataFrame
        Rows with the model's columns, for the signature.
    documents : Mapping[str, object], optional
        Name -> content of further JSON files to log.
    judged_bundle : Path, optional
        Folder of the bundle whose figures these are; default: `bundle` itself.
    page : RunPage, optional
        What MLflow's page of the run shows; the run is then as long as the training was.

    Returns
    -------
    str
        Number of the version in the registry.

    Raises
    ------
    GuanjiaError
        If the bundle is incomplete or altered, or the registry does not answer.
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
    if judged_bundle is not None:
        verify(judged_bundle)
        stated[JUDGED_HASH] = sha256_of(judged_bundle / "spec.json")
    with client_session(lake) as client:
        name = f"{model}-{spec['version']}"
        with _logged(lake, client, name, parameters, metrics, stated, bundle, page) as run:
            signature = infer_signature(example, np.zeros(len(example)))
            if page is not None:
                _log_dataset(client, run.info.run_id, page, signature.inputs.to_dict())
            for title, value in {"signature": signature.to_dict(), **(documents or {})}.items():
                text = json.dumps(value, ensure_ascii=False)
                client.log_text(run.info.run_id, text, f"{title}.json")
            if judged_bundle is not None:
                client.log_artifacts(run.info.run_id, str(judged_bundle), JUDGED_BUNDLE)
            for path in files:
                client.log_artifact(run.info.run_id, str(path), "evaluation")
            version = _create_version(client, model, spec["label"], run, stated, page)
            client.update_run(run.info.run_id, name=f"{model} {version}")
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
    page: RunPage | None = None,
) -> str:
    """Log a finished run with its bundle, without registering a version.

    Parameters
    ----------
    lake : Lake
        Home whose settings name the registry.
    model, version : str
        Name of the model; version of the bundle, for the name of the run.
    parameters, metrics, tags : mapping
        Parameters, metrics and tags of the run; metrics that are NaN are left out.
    bundle : Path
        Folder of the bundle.
    page : RunPage, optional
        What MLflow's page of the run shows; the run is then as long as the training was.

    Returns
    -------
    str
        Id of the run.
    """
    stated, name = {**tags, "model": model}, f"{model}-{version}"
    with (
        client_session(lake) as client,
        _logged(lake, client, name, parameters, metrics, stated, bundle, page) as run,
    ):
        if page is not None:
            _log_dataset(client, run.info.run_id, page)
        return str(run.info.run_id)


@contextmanager
def _logged(
    lake: Lake,
    client: Any,
    name: str,
    parameters: Mapping[str, object],
    metrics: Mapping[str, float],
    tags: Mapping[str, str],
    bundle: Path,
    page: RunPage | None,
) -> Iterator[Any]:
    """Create and log a run; finish it after the block, as failed if the block raises."""
    from mlflow.entities import Metric, Param
    from mlflow.utils.time import get_current_time_millis

    group = experiment_id(lake, client)
    _mark_killed_runs(client, group, tags["model"])
    writer = {"writer": f"{socket.gethostname()}:{os.getpid()}"}
    # MLflow's own clock, which ends the run as well: its page then shows how long training took.
    begun = None
    if page is not None:
        now: int = get_current_time_millis()  # type: ignore[no-untyped-call]
        begun = now - int(1000 * page.seconds)
    shown = page.tags() if page is not None else {}
    run = client.create_run(
        group, start_time=begun, run_name=name, tags={**tags, **writer, **shown}
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
        client.log_artifacts(run_id, str(bundle), "bundle")
        yield run
    except BaseException:
        client.set_terminated(run_id, "FAILED")
        raise
    client.set_terminated(run_id)


def _log_dataset(
    client: Any, run: str, page: RunPage, columns: Sequence[Mapping[str, Any]] | None = None
) -> None:
    """Name the rows that a run learned from: their hash, number and columns."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    rows = Dataset(
        page.dataset,
        page.digest[:32],
        "local",
        json.dumps({"uri": page.place}),
        json.dumps({"mlflow_colspec": columns}) if columns is not None else None,
        json.dumps({"num_rows": page.rows}),
    )
    client.log_inputs(run, [DatasetInput(rows, [InputTag("mlflow.data.context", "training")])])


def _create_version(
    client: Any,
    model: str,
    label: str,
    run: Any,
    tags: Mapping[str, str],
    page: RunPage | None,
) -> str:
    from mlflow.exceptions import MlflowException

    try:
        client.get_registered_model(model)
    except MlflowException:
        client.create_registered_model(model, description=label)
    source = f"{run.info.artifact_uri}/bundle"
    described = page.description if page is not None else None
    registered = client.create_model_version(
        model, source, run.info.run_id, tags=dict(tags), description=described
    )
    return str(registered.version)


def _mark_killed_runs(client: Any, experiment: str, model: str) -> None:
    """Mark RUNNING runs as KILLED if their process, of this host, is gone."""
    running = f"attributes.status = 'RUNNING' and tags.model = '{model}'"
    for run in client.search_runs([experiment], running):
        host, _, process = run.data.tags.get("writer", "").partition(":")
        if host == socket.gethostname() and process.isdecimal() and not is_running(int(process)):
            client.set_terminated(run.info.run_id, "KILLED")
