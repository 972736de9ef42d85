"""What models tell of customers on average: for who refuses to be profiled."""

from functools import lru_cache
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.lake import Lake
from serving.predictions.margin import MARGIN
from training.models import MODELS


def averages(lake: Lake) -> dict[str, float]:
    """Means of predictions and of the margin in the latest scores; empty without any."""
    found = sorted((lake.home / "scores").glob("as_of=*.parquet"))
    return _means(found[-1], found[-1].stat().st_mtime_ns) if found else {}


@lru_cache(maxsize=4)
def _means(path: Path, _written: int) -> dict[str, float]:
    there = pq.read_schema(path).names
    names = [name for name in (*MODELS, MARGIN) if name in there]
    table = pq.read_table(path, columns=names, partitioning=None)
    means = {name: pc.mean(table[name]).as_py() for name in names}
    return {name: mean for name, mean in means.items() if mean is not None}
