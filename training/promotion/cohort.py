"""Build the cohort on which versions of a model are compared: outcomes none of them learned from.

Each version states the first `as_of` of its test slice; every outcome that its judged candidate
learned from, or was calibrated on, was ripe before. The cohort begins with the later of these days,
so no candidate has seen any of it, and holds all that is ripe by `known_by`.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from features.errors import GuanjiaError
from features.lake import Lake, sha256_of
from features.lake.spine import spine_of
from features.online import feast_client
from features.progress import Report, quiet
from features.snapshots import compute
from features.snapshots.group_files import not_computed
from features.tags.catalogue import catalogue, groups
from training.estimators.losses import Outcomes
from training.evaluation.slices import age_bands
from training.fitting.datasets import sort_rows, thin
from training.fitting.scratch import scratch_lake
from training.labels.questions import without_merged
from training.model_spec import ModelSpec
from training.registry.versions import Version

FEWEST_ROWS = 10  # as many as a test slice must have


class TooFewError(GuanjiaError):
    """Too few outcomes are ripe to compare on."""


SEGMENTS = {
    "star": "star_level",
    "branch": "branch",
    "channel": "channel",
    "business type": "business_type",
    "age band": "age_years",
}
"""Dimensions that a comparison is broken down by, and their tags."""

PROTECTED = {
    "gender": "gender",
    "age band": "age_years",
    "city tier": "city_tier",
    "branch": "branch",
}
"""Dimensions between whose groups a model must be equally right, and their tags."""


@dataclass(frozen=True)
class Cohort:
    """Rows to compare versions on.

    Attributes
    ----------
    frame : pandas.DataFrame
        Labels with the tags as they were known at each row's time.
    known_by, first, last : datetime.date
        Last day whose outcomes are used; first and last `as_of`.
    """

    frame: pd.DataFrame
    known_by: date
    first: date
    last: date

    @property
    def label(self) -> Outcomes:
        """Outcomes, shape (rows,): boolean, or float64 of counts and amounts."""
        outcomes = self.frame["label"]
        return np.asarray(outcomes, bool if outcomes.dtype in (bool, object) else np.float64)

    def groups(self, tag: str) -> pd.Series:
        """Return the values of a tag by row as text: ages in bands, null as "unknown"."""
        values = self.frame[tag]
        if tag == "age_years":
            return age_bands(values).fillna("unknown")
        if values.dtype == object:
            return values.fillna("unknown")
        return values.map("{:.0f}".format, na_action="ignore").astype(object).fillna("unknown")


def read_cohort(
    lake: Lake,
    model: ModelSpec,
    first: date,
    known_by: date,
    tags: Collection[str],
    row_limit: int,
    report: Report = quiet,
    trained: Version | None = None,
) -> Cohort:
    """Build the cohort in a scratch home, or read it from the training frame if that is the same.

    Parameters
    ----------
    lake : Lake
        Home with checked tables.
    model : ModelSpec
        The model whose versions are compared.
    first : datetime.date
        Rows of earlier dates are left out.
    known_by : datetime.date
        Outcomes recorded later are not used.
    tags : collection of str
        Tags that the versions read; those that the cohort is broken down by are added.
    row_limit : int
        Most labels; beyond it customers are left out, chosen by hash.
    report : Report
        Called with progress.
    trained : Version, optional
        A version whose training frame may still be in the home: with the same `known_by`, it is
        the cohort.

    Raises
    ------
    TooFewError
        If too few outcomes are ripe.
    GuanjiaError
        If a version reads a tag that is no longer declared.
    """
    known = catalogue()
    unknown = sorted(set(tags) - set(known))
    if unknown:
        raise GuanjiaError(
            f"model {model.name}",
            f"has a version that reads tags no longer declared: {', '.join(unknown)}",
            "declare them again, or compare with the release that trained the version",
        )
    names = list(dict.fromkeys([*SEGMENTS.values(), *PROTECTED.values(), *model.rule_tags, *tags]))
    report(f"{model.name}: outcomes since {first}", 0, None)
    frame = None if trained is None else _training_frame(lake, trained, known_by, names)
    if frame is None:
        with scratch_lake(lake) as scratch:
            read = [*model.tag_set.tags, *names]
            entities = _entities(scratch, model, first, known_by, row_limit, read, report)
            frame = feast_client.history(scratch, entities, read)
            frame = frame[model.learns(frame)]
    frame = frame[pd.to_datetime(frame["as_of"]) >= pd.Timestamp(first)]
    frame = sort_rows(frame)
    if len(frame) < FEWEST_ROWS:
        raise _too_few(model.name, len(frame), first, known_by)
    days = pd.to_datetime(frame["as_of"])
    return Cohort(frame, known_by, days.min().date(), days.max().date())


def _training_frame(
    lake: Lake, trained: Version, known_by: date, tags: list[str]
) -> pd.DataFrame | None:
    """Read a version's training frame with some tags; None if its files are gone or replaced."""
    path = lake.home / "training" / trained.model / "frame.parquet"
    if trained.parameters.get("known_by") != known_by.isoformat() or not path.exists():
        return None
    if sha256_of(path) != trained.tags.get("training_frame_sha256"):
        return None
    frame = pd.read_parquet(path)
    for group in groups().values():
        missing = [name for name in tags if name in group.tags and name not in frame]
        if not missing:
            continue
        history = lake.home / "tags" / group.name / "history-training.parquet"
        stated = trained.tags.get(f"history_{group.name}_sha256")
        if not history.exists() or sha256_of(history) != stated:
            return None
        if not_computed(history) & set(missing):
            return None
        keys = ["customer_id", "as_of"]
        values = pq.read_table(history, columns=[*keys, *missing], partitioning=None).to_pandas()
        for table in (frame, values):
            table["as_of"] = pd.to_datetime(table["as_of"])
        frame = frame.merge(values, on=keys, how="left", validate="many_to_one")
    return frame


def _entities(
    scratch: Lake,
    model: ModelSpec,
    first: date,
    known_by: date,
    row_limit: int,
    tags: Collection[str],
    report: Report,
) -> pd.DataFrame:
    """Write labels and tag history to a scratch home; return the rows to join tags to."""
    rows = without_merged(scratch, known_by, model.labels(scratch, known_by))
    rows = rows.filter(rows.as_of >= first)
    path = scratch.home / "labels.parquet"
    scratch.engine.to_parquet(rows, str(path))
    table = scratch.engine.read_parquet(str(path))
    count = int(table.count().execute())
    if count < FEWEST_ROWS:
        raise _too_few(model.name, count, first, known_by)
    table = thin(table, count, row_limit)
    spine = table.select("customer_id", "as_of", "cutoff").distinct()
    compute.write_history(scratch, spine_of(spine), "cohort", report, tags)
    return table.to_pandas().rename(columns={"cutoff": "event_timestamp"})


def _too_few(name: str, rows: int, first: date, known_by: date) -> TooFewError:
    return TooFewError(
        f"model {name}",
        f"has {rows} ripe outcomes from {first} known by {known_by}, too few to compare on",
        "give a later --known-by, or load more customers",
        chinese=(
            f"模型 {name}",
            f"从 {first} 起到 {known_by} 只有 {rows} 条已到期的结果，不够比较",
            "请等更多结果到期后再试",
        ),
    )
