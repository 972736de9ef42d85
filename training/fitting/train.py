"""Train models: from history to registered challengers."""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path

from threadpoolctl import threadpool_limits

from features.lake import Lake
from features.progress import Report, quiet
from training.dataset import Dataset
from training.estimators.bundle import Predictor
from training.evaluation.assessment import assess
from training.evaluation.economics import Economics
from training.fitting.datasets import ROW_LIMIT, build
from training.fitting.learn import fit_both
from training.fitting.recording import TrainResult, record
from training.fitting.tuning import SECONDS, tune
from training.model_spec import ModelSpec
from training.models import find


def train(
    lake: Lake,
    names: Sequence[str],
    known_by: date,
    report: Report = quiet,
    row_limit: int = ROW_LIMIT,
    tuning_seconds: float = SECONDS,
    all_peers: bool = False,
) -> Iterator[TrainResult]:
    """Train, calibrate, evaluate and register challengers on what was known by a date.

    Parameters
    ----------
    lake : Lake
        Home with checked tables and the registry.
    names : sequence of str
        Names of models (`training.models`).
    known_by : datetime.date
        Outcomes recorded later are not used.
    report : Report
        Called with progress.
    row_limit : int
        Most labels of one model; beyond it customers are left out, chosen by hash.
    tuning_seconds : float
        Budget of each model to search for better parameters of the trees, which replace those
        declared where they are surely better; 0: none.
    all_peers : bool
        Whether the report compares with HistGradientBoosting too.

    Yields
    ------
    TrainResult
        The next model, registered.

    Raises
    ------
    GuanjiaError
        If a model is not declared, or has too little history.
    """
    models = [find(name) for name in names]
    datasets = build(lake, models, known_by, report, row_limit)
    priced: dict[tuple[str, str], Economics | None] = {}
    begun = time.monotonic()
    for done, (model, data) in enumerate(zip(models, datasets, strict=True)):
        report("models trained", done, len(models))
        yield train_on(
            lake,
            model,
            data,
            known_by,
            report=report,
            row_limit=row_limit,
            tuning_seconds=tuning_seconds,
            all_peers=all_peers,
            priced=priced,
            source=f"guanjia train {model.name}",
            begun=begun,
        )
        begun = time.monotonic()
    report("models trained", len(models), len(models))


def train_on(
    lake: Lake,
    model: ModelSpec,
    data: Dataset,
    known_by: date | None,
    *,
    report: Report = quiet,
    row_limit: int = ROW_LIMIT,
    tuning_seconds: float = SECONDS,
    all_peers: bool = False,
    priced: dict[tuple[str, str], Economics | None] | None = None,
    source: str = "training.fitting.train.train_on",
    begun: float | None = None,
) -> TrainResult:
    """Train one model on its rows: tune, fit, evaluate and register it.

    Parameters
    ----------
    lake : Lake
        Home of reports, bundles and the registry; tables are read only for a model with a purpose.
    model : ModelSpec
        The model to train.
    data : Dataset
        Its rows, split.
    known_by : datetime.date or None
        Outcomes recorded later are not in the rows; None where rows have no dates.
    report : Report
        Called with progress.
    row_limit : int
        Most labels the rows were thinned to; stated with the run.
    tuning_seconds : float
        Budget to search for better parameters of the trees, as `tune` takes it.
    all_peers : bool
        Whether the report compares with HistGradientBoosting too.
    priced : dict, optional
        Cache that models trained one after the other share, as `assess` takes it.
    source : str
        The command or call that trains, for the record.
    begun : float, optional
        When it began, by `time.monotonic`; default: now.

    Returns
    -------
    TrainResult
        The registered model.
    """
    begun = time.monotonic() if begun is None else begun
    tuning = tune(lake, model, data, tuning_seconds, report)
    fits = fit_both(model, data, lake.settings.threads, tuning.parameters, report)
    with tempfile.TemporaryDirectory() as scratch:
        bundle, judged_bundle = fits.write(Path(scratch), model, data.tags)
        predictor, registered = Predictor.load(judged_bundle), Predictor.load(bundle).version
        # One thread: several waste time in busy waiting over sums of a few columns.
        with threadpool_limits(1, user_api="blas"):
            assessment = assess(
                lake, model, data, predictor, known_by, report, priced, all_peers, registered
            )
        return record(
            lake,
            model,
            data,
            fits,
            tuning,
            Path(scratch),
            assessment,
            known_by=known_by,
            row_limit=row_limit,
            source=source,
            seconds=time.monotonic() - begun,
            report=report,
        )


def retrain(
    lake: Lake,
    model: ModelSpec,
    known_by: date,
    parameters: Mapping[str, float],
    seed: int,
    threads: int,
    folder: Path,
    *,
    row_limit: int = ROW_LIMIT,
    report: Report = quiet,
    check: Callable[[Dataset], None] | None = None,
) -> tuple[Path, Path]:
    """Build the dataset and train as `train` does, without registering anything.

    Parameters
    ----------
    lake : Lake
        Home with checked tables.
    model : ModelSpec
        The model to train.
    known_by : datetime.date
        Outcomes recorded later are not used.
    parameters : Mapping[str, float]
        Parameters of the trees.
    seed, threads : int
        Random seed; largest number of threads.
    folder : pathlib.Path
        Folder of the two bundles.
    row_limit : int
        Most labels; beyond it customers are left out, chosen by hash.
    report : Report
        Called with progress.
    check : Callable[[Dataset], None], optional
        Called with the dataset before training; raises to refuse it.

    Returns
    -------
    tuple of pathlib.Path
        Folders of the bundle to register, and of the judged candidate's.
    """
    (data,) = build(lake, [model], known_by, report, row_limit)
    if check is not None:
        check(data)
    fits = fit_both(model, data, threads, parameters, report, seed)
    return fits.write(folder, model, data.tags)
