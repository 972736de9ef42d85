"""From labels to a training frame, split by time so that no outcome is known before its time.

The frame lies at `<home>/training/<model>/frame.parquet`; its sha256 identifies the data.
"""

import hashlib
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pandas as pd

from features import store, tagging
from features.errors import GuanjiaError
from features.lake import Lake, published
from features.progress import Report, quiet
from training.models import ModelSpec

TEST_SHARE = 0.2
CALIBRATION_SHARE = 0.15
FEWEST_ROWS = 50


@dataclass(frozen=True)
class Split:
    """Which rows train, calibrate and test; the test rows are used once, at the end.

    Attributes
    ----------
    train, calibration, test : numpy.ndarray of bool
        Disjoint; rows whose outcome reaches into the next slice belong to none.
    calibration_from, test_from : datetime.date
        First `as_of` of the later slices.
    """

    train: npt.NDArray[np.bool_]
    calibration: npt.NDArray[np.bool_]
    test: npt.NDArray[np.bool_]
    calibration_from: date
    test_from: date


@dataclass(frozen=True)
class Dataset:
    """The frame of one model with its split and identity.

    `sha256` is the hash of the frame's file, `inputs` those of its tag histories by group.
    """

    frame: pd.DataFrame
    features: list[str]
    tags: list[str]
    split: Split
    path: Path
    sha256: str
    inputs: dict[str, str]
    labelled: int


def build(
    lake: Lake, model: ModelSpec, known_by: date, report: Report = quiet, row_limit: int = 200_000
) -> Dataset:
    """Label, thin out to `row_limit` by customer, replay the tags, join, and split.

    Raises
    ------
    GuanjiaError
        If too few outcomes have matured by `known_by`.
    """
    report(f"{model.name}: labels", 0, None)
    folder = lake.home / "training" / model.name
    labels, labelled = _labels(lake, model, known_by, folder, row_limit)
    report(f"{model.name}: tags", 0, None)
    spine = labels.select("customer_id", "as_of", "cutoff").distinct()
    paths = tagging.write_history(lake, spine, model.name, report)
    report(f"{model.name}: training frame", 0, None)
    entities = labels.to_pandas().rename(columns={"cutoff": "event_timestamp"})
    frame = store.history(lake, entities, model.service)
    order = [n for n in ("customer_id", "as_of", "policy_id", "lead_days") if n in frame]
    frame = frame.sort_values(order, kind="stable").reset_index(drop=True)
    known = {*entities.columns, "cutoff", "created_timestamp"}
    tags = [name for name in frame.columns if name not in known]
    path = folder / "frame.parquet"
    with published(path) as draft:
        frame.to_parquet(draft, index=False, coerce_timestamps="us")
    digest, *others = [sha256_of(found) for found in (path, *paths)]
    inputs = {found.parent.name: other for found, other in zip(paths, others, strict=True)}
    split = split_by_time(frame, model.name)
    return Dataset(frame, [*tags, *model.extra], tags, split, path, digest, inputs, labelled)


def split_by_time(frame: pd.DataFrame, name: str = "model") -> Split:
    """Cut at two dates of `as_of`, such that a slice's outcomes are ripe before the next begins.

    Parameters
    ----------
    frame : pandas.DataFrame
        With `as_of` and `matures`, dates.
    """
    as_of = pd.to_datetime(frame["as_of"]).to_numpy()
    ripe = pd.to_datetime(frame["matures"]).to_numpy()
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
    return Split(train, calibration, test, calibration_from.date(), test_from.date())


def held_back(frame: pd.DataFrame, share: float = 0.15) -> npt.NDArray[np.bool_]:
    """The rows of about `share` of the customers, chosen by hash: they tell when to stop."""
    codes = frame["customer_id"].map(
        lambda customer: int(hashlib.md5(f"stop:{customer}".encode()).hexdigest()[:8], 16)
    )
    return np.asarray(codes.to_numpy(dtype=np.float64) / 2**32 < share)


def sha256_of(path: Path) -> str:
    """The hash of a file, read in pieces."""
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _labels(
    lake: Lake, model: ModelSpec, known_by: date, folder: Path, row_limit: int
) -> tuple[ir.Table, int]:
    """Labels as a file, of all customers or of as many as fit into the limit."""
    rows = model.labels(lake, known_by)
    path = folder / "labels.parquet"
    with published(path) as draft:
        lake.engine.to_parquet(rows, str(draft))
    table = lake.engine.read_parquet(str(path))
    count = int(table.count().execute())
    if count == 0:
        raise _too_few(model.name, 0)
    if count > row_limit:
        bound = f"{int(row_limit / count * 2**32):08x}"
        digest = table.customer_id.hexdigest("md5").substr(0, 8)
        table = table.filter(digest < bound)
    return table, count


def _too_few(name: str, rows: int) -> GuanjiaError:
    return GuanjiaError(
        f"model {name}",
        f"has {rows} matured outcomes in one of its slices, too few to learn from",
        "load a longer history or more customers",
    )
