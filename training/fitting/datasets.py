"""Build training frames from labels and tags, split by time so that no outcome is known early.

The frame lies at `<home>/training/<model>/frame.parquet`; its sha256 identifies the data.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path

import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pandas as pd

from features.conditions import mentioned
from features.errors import GuanjiaError
from features.lake import Lake, sha256_of
from features.lake.spine import spine_of
from features.online.model_tags import SLICE_TAGS
from features.progress import Report, quiet
from features.publishing import published
from features.snapshots import compute
from training.dataset import Dataset, Split
from training.fitting.scratch import scratch_folder
from training.fitting.shared_tags import KEYS, SharedTags, recorded_tags
from training.labels.questions import without_merged
from training.model_spec import ModelSpec

TEST_SHARE = 0.2
CALIBRATION_SHARE = 0.15
FEWEST_ROWS = 50
ROW_LIMIT = 400_000
"""Most labels of one model; beyond it customers are left out."""


def build(
    lake: Lake,
    models: Sequence[ModelSpec],
    known_by: date,
    report: Report = quiet,
    row_limit: int = ROW_LIMIT,
) -> Iterator[Dataset]:
    """Build the datasets of models: label, thin by customer, replay the tags, join, and split.

    The tags of all models are replayed in one pass and read from the feature store once: models
    with the same customers and dates share the work. It is asked for the rows that a model learns
    from alone; the few tags that decide which these are come from the files it reads too.

    Parameters
    ----------
    lake : Lake
        Home with checked tables; labels and frames are written there.
    models : sequence of ModelSpec
        Models to build a dataset for, in this order.
    known_by : datetime.date
        Outcomes recorded later are not used.
    report : Report
        Called with progress.
    row_limit : int
        Most labels of one model; beyond it customers are left out, chosen by hash.

    Yields
    ------
    Dataset
        Frame and split of the next model.

    Raises
    ------
    GuanjiaError
        If too few outcomes have matured by `known_by`, or the history is too short for three
        slices.
    """
    labels: dict[str, tuple[ir.Table, int]] = {}
    for model in models:
        report(f"{model.name}: labels", 0, None)
        labels[model.name] = _labels(lake, model, known_by, row_limit)
    keys = [rows.select("customer_id", "as_of", "cutoff") for rows, _ in labels.values()]
    spine = spine_of(keys[0].union(*keys[1:]) if len(keys) > 1 else keys[0])
    names = list(dict.fromkeys(name for model in models for name in _tags(model)))
    histories = compute.write_history(lake, spine, "training", report, names)
    inputs = {path.parent.name: sha256_of(path) for path in histories}
    report("training frames", 0, None)
    learned = _learned(models, {name: rows for name, (rows, _) in labels.items()}, histories)
    moments = pd.concat([rows[KEYS] for rows in learned.values()]).drop_duplicates()
    with scratch_folder(lake) as folder:
        shared = SharedTags(lake, moments, names, folder / "tags.arrow")
        for model in models:
            report(f"{model.name}: training frame", 0, None)
            rows, labelled = learned.pop(model.name), labels[model.name][1]
            yield _dataset(lake, model, shared, rows, labelled, inputs)


def _tags(model: ModelSpec) -> list[str]:
    """List the tags of a model's training frame."""
    return list(dict.fromkeys([*model.tag_set.tags, *model.rule_tags, *SLICE_TAGS]))


def _learned(
    models: Sequence[ModelSpec], labels: Mapping[str, ir.Table], histories: Sequence[Path]
) -> dict[str, pd.DataFrame]:
    """Select the labelled rows that each model learns from, sorted, by its name."""
    entities = {
        name: rows.to_pandas().rename(columns={"cutoff": "event_timestamp"})
        for name, rows in labels.items()
    }
    deciding: dict[str, list[str]] = {}
    for model in models:
        own = {*entities[model.name]}
        rules = [rule for rule in (model.eligible, model.describes) if rule]
        read = {name for rule in rules for name in mentioned(rule, {*_tags(model), *own})}
        deciding[model.name] = sorted(read - own)
    known = recorded_tags(histories, sorted({tag for tags in deciding.values() for tag in tags}))
    learned = {}
    for model in models:
        rows = entities.pop(model.name)
        described = rows.merge(known[[*KEYS, *deciding[model.name]]], on=KEYS, how="left")
        learned[model.name] = sort_rows(rows[model.learns(described)])
    return learned


def _dataset(
    lake: Lake,
    model: ModelSpec,
    shared: SharedTags,
    entities: pd.DataFrame,
    labelled: int,
    inputs: dict[str, str],
) -> Dataset:
    """Join labels with the tags as known at the cutoff of every row, and split."""
    frame = shared.join(entities, _tags(model))
    tags = list(model.tag_set.tags)
    path = _folder(lake, model) / "frame.parquet"
    with published(path) as draft:
        frame.to_parquet(draft, index=False, coerce_timestamps="us")
    split = split_by_time(frame, model.name)
    return Dataset(frame, model.features, tags, split, path, sha256_of(path), inputs, labelled)


def split_by_time(frame: pd.DataFrame, name: str = "model") -> Split:
    """Split rows at two dates, such that a slice's outcomes are ripe before the next begins.

    Parameters
    ----------
    frame : pandas.DataFrame
        Rows with the dates `as_of` and `matures`.
    name : str
        Name of the model, for errors.

    Raises
    ------
    GuanjiaError
        If the history is too short or has too few rows.
    """
    as_of = pd.to_datetime(frame["as_of"], cache=False).to_numpy()
    ripe = pd.to_datetime(frame["matures"], cache=False).to_numpy()
    if len(frame) < FEWEST_ROWS:
        raise _too_few(name, len(frame))
    first, last = pd.Timestamp(as_of.min()), pd.Timestamp(as_of.max())
    gap = pd.Timedelta(np.max(ripe - as_of))
    usable = (last - first) - 2 * gap
    if usable < pd.Timedelta(days=60):
        raise GuanjiaError(
            f"the history of model {name}",
            f"spans {(last - first).days} days, too few for three slices {gap.days} days apart",
            "load a longer history",
        )
    test_from = (last - usable * TEST_SHARE).normalize()
    calibration_from = (test_from - gap - usable * CALIBRATION_SHARE).normalize()
    test = as_of >= test_from
    calibration = (as_of >= calibration_from) & (ripe < test_from)
    train = ripe < calibration_from
    for part in (train, calibration, test):
        if part.sum() < FEWEST_ROWS // 5:
            raise _too_few(name, int(part.sum()))
    before = ripe < test_from
    return Split(train, calibration, test, before, calibration_from.date(), test_from.date())


def split_by_groups(frame: pd.DataFrame, name: str = "model") -> Split:
    """Split rows that have no dates: a customer's rows lie in one slice, chosen by hash.

    Parameters
    ----------
    frame : pandas.DataFrame
        Rows with `customer_id`.
    name : str
        Name of the model, for errors.

    Raises
    ------
    GuanjiaError
        If a slice has too few rows.
    """
    fractions = hash_fractions(frame, "split")
    test = fractions < TEST_SHARE
    calibration = ~test & (fractions < TEST_SHARE + CALIBRATION_SHARE)
    train = ~test & ~calibration
    for part in (train, calibration, test):
        if part.sum() < FEWEST_ROWS // 5:
            raise _too_few(name, int(part.sum()))
    return Split(train, calibration, test, ~test)


def held_back(
    frame: pd.DataFrame, share: float = 0.15, purpose: str = "stop"
) -> npt.NDArray[np.bool_]:
    """Mark the rows of about `share` of the customers, chosen by hash.

    Parameters
    ----------
    frame : pandas.DataFrame
        Rows with `customer_id`.
    share : float
        Share of the customers, 0 to 1.
    purpose : str
        Part of what is hashed: another purpose chooses other customers.

    Returns
    -------
    numpy.ndarray of bool
        Shape (rows,).
    """
    return np.asarray(hash_fractions(frame, purpose) < share)


def hash_fractions(frame: pd.DataFrame, purpose: str) -> npt.NDArray[np.float64]:
    """Hash purpose and customer of every row to [0, 1): equal for all rows of a customer."""
    codes, customers = pd.factorize(frame["customer_id"])
    digits = [
        int(hashlib.md5(f"{purpose}:{customer}".encode()).hexdigest()[:8], 16)
        for customer in customers
    ]
    return np.asarray(np.array(digits, np.float64)[codes] / 2**32)


def _folder(lake: Lake, model: ModelSpec) -> Path:
    return lake.home / "training" / model.name


def _labels(lake: Lake, model: ModelSpec, known_by: date, row_limit: int) -> tuple[ir.Table, int]:
    """Write the labels to a file; return those within the limit, and how many there were."""
    rows = without_merged(lake, known_by, model.labels(lake, known_by))
    path = _folder(lake, model) / "labels.parquet"
    with published(path) as draft:
        lake.engine.to_parquet(rows, str(draft))
    table = lake.engine.read_parquet(str(path))
    count = int(table.count().execute())
    if count == 0:
        raise _too_few(model.name, 0)
    return thin(table, count, row_limit), count


def thin(labels: ir.Table, count: int, row_limit: int) -> ir.Table:
    """Select the rows of as many customers, chosen by hash, as fit into a limit.

    Parameters
    ----------
    labels : ibis.Table
        Rows with `customer_id`.
    count : int
        How many rows there are.
    row_limit : int
        About the most rows to return.
    """
    if count <= row_limit:
        return labels
    bound = f"{int(row_limit / count * 2**32):08x}"
    return labels.filter(labels.customer_id.hexdigest("md5").substr(0, 8) < bound)


def sort_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """Sort rows by those of the columns customer, date, term, lead time and month they have."""
    names = ("customer_id", "as_of", "policy_id", "lead_days", "month_ahead")
    order = [name for name in names if name in frame]
    return frame.sort_values(order, kind="stable").reset_index(drop=True)


def _too_few(name: str, rows: int) -> GuanjiaError:
    return GuanjiaError(
        f"model {name}",
        f"has {rows} matured outcomes in one of its slices, too few to learn from",
        "load a longer history or more customers",
    )
