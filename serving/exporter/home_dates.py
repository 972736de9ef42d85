"""Read from the home how old everything is: tags, scores, models, the published day, the last run.

Each is read by itself: a file that is missing or damaged costs its own gauges and no others.
"""

import json
import logging
from collections.abc import Callable, Iterator
from datetime import date, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from features.errors import GuanjiaError
from features.lake import Lake
from features.lake.pointer import read_pointer
from features.settings import cutoff
from serving.exporter.gauges import Sample
from serving.predictions.current_models import CurrentModels
from serving.predictions.tags_date import TagsDate
from training.registry import local_models

logger = logging.getLogger(__name__)
FAULTS = (GuanjiaError, OSError, ValueError, KeyError, TypeError, IndexError, AttributeError)
"""What a missing or damaged file raises, whatever is wrong with it."""


class HomeDates:
    """The dates of what a service reads; read again at every look.

    Parameters
    ----------
    lake : Lake
        The home.
    tags_date : TagsDate
        The date of the tags that are read now.
    models : CurrentModels
        The models that answer now.
    """

    def __init__(self, lake: Lake, tags_date: TagsDate, models: CurrentModels) -> None:
        self._lake, self._tags_date, self._models = lake, tags_date, models
        self._unread: set[str] = set()

    def samples(self) -> list[Sample]:
        """Read all gauges of the home."""
        readers: dict[str, Callable[[], Iterator[Sample]]] = {
            "the release": self._release,
            "the date of the tags": self._tags,
            "the date of the scores": self._scores,
            "the published day": self._published,
            "the promotions of models": self._promotions,
            "the daily run": self._day,
        }
        read: list[Sample] = []
        for what, reader in readers.items():
            try:
                read += list(reader())
                self._unread.discard(what)
            except FAULTS as fault:
                if what not in self._unread:
                    logger.warning("metrics lack %s, which cannot be read: %s", what, fault)
                self._unread.add(what)
        return read

    def _release(self) -> Iterator[Sample]:
        yield "guanjia_build_info", (version("guanjia"),), 1.0
        yield "guanjia_clock_ahead_seconds", (), self._lake.settings.clock_ahead_seconds

    def _tags(self) -> Iterator[Sample]:
        if self._tags_date.as_of is not None:
            yield "guanjia_tags_timestamp_seconds", (), self._end(self._tags_date.as_of)

    def _scores(self) -> Iterator[Sample]:
        files = (self._lake.data / "scores").glob("as_of=*.parquet")
        days = [date.fromisoformat(path.stem.removeprefix("as_of=")) for path in files]
        if days:
            yield "guanjia_scores_timestamp_seconds", (), self._end(max(days))

    def _published(self) -> Iterator[Sample]:
        day = read_pointer(self._lake.home)
        if day is None:
            # A home that has published nothing shows its readers what it works on.
            yield from (
                ("guanjia_published_timestamp_seconds", labels, value)
                for _, labels, value in self._tags()
            )
            return
        yield "guanjia_published_timestamp_seconds", (), self._end(day.as_of)
        yield "guanjia_published_at_timestamp_seconds", (), day.published_at.timestamp()

    def _promotions(self) -> Iterator[Sample]:
        current = self._models.now
        yield "guanjia_models_confirmed", (), float(current.confirmed)
        for name in current.models:
            champion = local_models.champion_version(self._lake, name)
            acts = [
                act
                for act in local_models.read_acts(self._lake, name)
                if act.get("version") == champion
            ]
            if champion is not None and acts:
                promoted = datetime.fromisoformat(acts[-1]["when"]).timestamp()
                yield "guanjia_model_timestamp_seconds", (name, champion), promoted

    def _day(self) -> Iterator[Sample]:
        files = sorted((self._lake.home / "days").glob("????-??-??.json"))
        if files:
            yield from day_samples(files[-1], self._lake.settings.timezone)

    def _end(self, day: date) -> float:
        return cutoff(day, self._lake.settings.timezone).timestamp()


def day_samples(path: Path, timezone: str) -> Iterator[Sample]:
    """Read what became of a daily run from its file, `<home>/days/<D>.json`.

    Parameters
    ----------
    path : Path
        The file.
    timezone : str
        The insurer's time zone.

    Raises
    ------
    ValueError, KeyError, TypeError
        If the file is not one that `guanjia daily` writes.
    """
    attempts: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))["attempts"]
    day = cutoff(date.fromisoformat(path.stem), timezone).timestamp()
    yield "guanjia_day_timestamp_seconds", (), day
    yield "guanjia_day_attempts", (), float(len(attempts))
    last = attempts[-1]
    yield "guanjia_day_outcome", (last["outcome"],), 1.0
    for step in last["steps"]:
        name = step["name"]
        if step["began"]:
            began = datetime.fromisoformat(step["began"]).timestamp()
            yield "guanjia_day_step_began_timestamp_seconds", (name, step["outcome"]), began
        yield "guanjia_day_step_seconds", (name,), float(step["seconds"])
        if step["rows"] is not None:
            yield "guanjia_day_step_rows", (name,), float(step["rows"])
