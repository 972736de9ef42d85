"""A bundle goes into MLflow and comes back the same; without MLflow the last one serves."""

import pickle
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import training
from features.errors import GuanjiaError
from training.estimators.bundle import Predictor
from training.registry import mlflow_client
from training.registry import versions as registry
from training.registry.champions import champion

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
MODEL = "renewal"


def test_round_trip_and_offline(lake, bundle, register):
    with pytest.raises(GuanjiaError, match="guanjia train renewal"):
        champion(lake, MODEL)
    assert [register(lake, bundle("good")) for _ in range(2)] == ["1", "2"]
    registry.set_champion(lake, MODEL, "2")
    folder = champion(lake, MODEL)
    assert folder.name == "2"
    predictor = Predictor.load(folder)
    frame = pd.DataFrame({name: np.linspace(0, 1, 9) for name in predictor.features})
    assert np.array_equal(predictor.predict(frame), Predictor.load(bundle("good")).predict(frame))

    shutil.rmtree(lake.home / "mlflow")
    assert champion(lake, MODEL) == folder
    (folder / "booster.txt").write_text("tree")
    with pytest.raises(GuanjiaError, match="altered"):
        champion(lake, MODEL)


KILLED = """
import os, signal, sys
from pathlib import Path
import pandas as pd
from features.lake.connection import Lake
from features.settings import Settings
from training.registry.registration import register
from mlflow import MlflowClient

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

setattr(MlflowClient, sys.argv[3], die)
register(
    Lake(Settings(home=Path(sys.argv[1]))), "renewal", Path(sys.argv[2]), parameters={}, metrics={},
    tags={}, files=[], example=pd.DataFrame({"a": [1.0]}),
)
"""


@pytest.mark.slow
@pytest.mark.parametrize("step", ["log_artifacts", "set_registered_model_alias"])
def test_a_killed_registration_names_nothing_and_the_next_one_clears_up(
    step, lake, bundle, register
):
    command = [sys.executable, "-c", KILLED, str(lake.home), str(bundle("good")), step]
    root = Path(training.__file__).parents[1]
    assert subprocess.run(command, cwd=root, check=False).returncode == -9
    for alias in ("challenger", "champion"):
        assert registry.version_by_alias(lake, MODEL, alias) is None
    with pytest.raises(GuanjiaError, match="has no champion"):
        champion(lake, MODEL)
    version = register(lake, bundle("good"))
    assert registry.version_by_alias(lake, MODEL, "challenger") == version
    with mlflow_client.client_session(lake) as client:
        (experiment,) = client.search_experiments(filter_string="name = 'guanjia'")
        states = [run.info.status for run in client.search_runs([experiment.experiment_id])]
    assert sorted(states) == ["FINISHED", "KILLED" if step == "log_artifacts" else "FINISHED"]


class Trap:
    """What runs when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return (Path.touch, (self.mark,))


def test_a_pickled_model_in_the_registry_is_refused_and_never_loaded(
    lake, bundle, register, tmp_path
):
    import mlflow
    from mlflow.exceptions import MlflowException

    register(lake, bundle("good"))
    mark, folder = tmp_path / "unpickled", tmp_path / "pickled"
    folder.mkdir()
    (folder / "python_model.pkl").write_bytes(pickle.dumps(Trap(mark)))
    (folder / "model.pkl").write_bytes(pickle.dumps(Trap(mark)))
    (folder / "MLmodel").write_text(
        "flavors:\n"
        "  python_function:\n    loader_module: mlflow.sklearn\n    model_path: model.pkl\n"
        "    predict_fn: predict\n"
        "  sklearn:\n    pickled_model: model.pkl\n    serialization_format: pickle\n"
        "    sklearn_version: '1.7'\n",
        "utf-8",
    )
    with mlflow_client.client_session(lake) as client:
        run = client.create_run(mlflow_client.experiment_id(lake, client))
        client.log_artifacts(run.info.run_id, str(folder), "bundle")
        source = f"{run.info.artifact_uri}/bundle"
        made = client.create_model_version(MODEL, source, run.info.run_id)
        client.set_registered_model_alias(MODEL, "champion", made.version)
    with pytest.raises(GuanjiaError, match="is not complete"):
        champion(lake, MODEL)
    # Nor would MLflow itself, as we set it up.
    with (
        warnings.catch_warnings(action="ignore"),
        pytest.raises(MlflowException, match=r"(?i)pickle"),
    ):
        mlflow.pyfunc.load_model(str(folder))
    assert not mark.exists()
