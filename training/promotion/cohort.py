"""The cohort on which versions of a model are compared: outcomes none of them learned from.

Each version states the first `as_of` of its test slice; every outcome it learned from, or was
calibrated on, was ripe before. The cohort begins with the later of these days, so no version has
seen any of it, and holds all that is ripe by `known_by`.
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
from features.online import feast_client as store
from features.progress import Report, quiet
from features.snapshots import compute as tagging
from features.snapshots.group_files import not_computed
from features.tags.catalogue import catalogue, groups
from training.estimators.losses import Outcomes
from training.evaluation.slices import age_bands
from training.fitting.datasets import sort_rows, thin
from training.fitting.scratch import scratch_lake
from training.model_spec import ModelSpec
from training.registry.versions import Version

FEWEST_ROWS = 10  # as many as a test slice must have


class TooFewError(GuanjiaError):
    """Not enough outcomes are ripe."""


SEGMENTS = {
    "star": "star_level",
    "branch": "branch",
    "channel": "channel",
    "business type": "business_type",
    "age band": "age_years",
}
"""What a comparison is broken down by, and the tag that says it."""

PROTECTED = {
    "gender": "gender",
    "age band": "age_years",
    "city tier": "city_tier",
    "branch": "branch",
}
"""Between whom a model must be equally right: gender, age and region."""


@dataclass(frozen=True)
class Cohort:
    """Rows to compare on.

    Attributes
    ----------
    frame : pandas.DataFrame
        Labels with the tags as they were known at each row's time.
    known_by, first, last : datetime.date
        Outcomes recorded later are not used; first and last `as_of`.
    """

    frame: pd.DataFrame
    known_by: date
    first: date
    last: date

    @property
    def label(self) -> Outcomes:
        """The outcomes, shape (rows,): yes or no, or a number."""
        told = self.frame["label"]
        return np.asarray(told, bool if told.dtype in (bool, object) else np.float64)

    def groups(self, tag: str) -> pd.Series:
        """What a tag says of each row, as text: ages in bands, null as "unknown"."""
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
    """Label, replay the tags, join, in a scratch home; or read what training left, if it is that.

    Parameters
    ----------
    first : datetime.date
        Rows of earlier dates are left out.
    tags : collection of str
        What the versions read, besides what the cohort is broken down by.
    row_limit : int
        Labels beyond which customers are left out, chosen by hash.
    trained : Version, optional
        A version whose training frame may still be here: with the same `known_by`, it is the
        cohort.

    Raises
    ------
    TooFewError
        If too few outcomes are ripe.
    """
    known = catalogue()
    unknown = sorted(set(tags) - set(known))
    if unknown:
        raise GuanjiaError(
            f"model {model.name}",
            f"has a version that reads tags no longer declared: {', '.join(unknown)}",
            "declare them again, or compare with the release that trained it",
        )
    asked = list(dict.fromkeys([*SEGMENTS.values(), *PROTECTED.values(), *model.rule_tags, *tags]))
    report(f"{model.name}: outcomes since {first}", 0, None)
    frame = None if trained is None else _left(lake, trained, known_by, asked)
    if frame is None:
        with scratch_lake(lake) as beside:
            read = [*model.tag_set.tags, *asked]
            entities = _entities(beside, model, first, known_by, row_limit, read, report)
            frame = store.history(beside, entities, read)
            frame = frame[model.learns(frame)]
    frame = frame[pd.to_datetime(frame["as_of"]) >= pd.Timestamp(first)]
    frame = sort_rows(frame)
    if len(frame) < FEWEST_ROWS:
        raise _too_few(model.name, len(frame), first, known_by)
    days = pd.to_datetime(frame["as_of"])
    return Cohort(frame, known_by, days.min().date(), days.max().date())


def _left(lake: Lake, trained: Version, known_by: date, tags: list[str]) -> pd.DataFrame | None:
    """The version's training frame with these tags, if it and its histories are still here."""
    path = lake.home / "training" / trained.model / "frame.parquet"
    if trained.parameters.get("known_by") != known_by.isoformat() or not path.exists():
        return None
    if sha256_of(path) != trained.tags.get("training_frame_sha256"):
        return None
    frame = pd.read_parquet(path)
    for group in groups().values():
        wanted = [name for name in tags if name in group.tags and name not in frame]
        if not wanted:
            continue
        history = lake.tags(group.name) / "history-training.parquet"
        stated = trained.tags.get(f"history_{group.name}_sha256")
        if not history.exists() or sha256_of(history) != stated:
            return None
        if not_computed(history) & set(wanted):
            return None
        keys = ["customer_id", "as_of"]
        told = pq.read_table(history, columns=[*keys, *wanted], partitioning=None).to_pandas()
        for one in (frame, told):
            one["as_of"] = pd.to_datetime(one["as_of"])
        frame = frame.merge(told, on=keys, how="left", validate="many_to_one")
    return frame


def _entities(
    beside: Lake,
    model: ModelSpec,
    first: date,
    known_by: date,
    row_limit: int,
    tags: Collection[str],
    report: Report,
) -> pd.DataFrame:
    """The labels, their tags replayed into the scratch home."""
    rows = model.labels(beside, known_by)
    rows = rows.filter(rows.as_of >= first)
    path = beside.home / "labels.parquet"
    beside.engine.to_parquet(rows, str(path))
    table = beside.engine.read_parquet(str(path))
    count = int(table.count().execute())
    if count < FEWEST_ROWS:
        raise _too_few(model.name, count, first, known_by)
    table = thin(table, count, row_limit)
    spine = table.select("customer_id", "as_of", "cutoff").distinct()
    tagging.write_history(beside, spine_of(spine), "cohort", report, tags)
    return table.to_pandas().rename(columns={"cutoff": "event_timestamp"})


def _too_few(name: str, rows: int, first: date, known_by: date) -> TooFewError:
    return TooFewError(
        f"model {name}",
        f"has {rows} ripe outcomes from {first} known by {known_by}, too few to compare on",
        "give a later --known-by, or load more customers",
    )
