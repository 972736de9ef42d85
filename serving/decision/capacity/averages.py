"""Average predictions over all customers, for decisions about those who refuse profiling."""

from functools import lru_cache
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.lake import Lake
from serving.predictions.scores_file import MARGIN
from training.models import MODELS


def averages(lake: Lake) -> dict[str, float]:
    """Average the predictions and the margin of the latest scores; empty if there are none."""
    paths = sorted((lake.data / "scores").glob("as_of=*.parquet"))
    return _means(paths[-1], paths[-1].stat().st_mtime_ns) if paths else {}


@lru_cache(maxsize=4)
def _means(path: Path, _modified_ns: int) -> dict[str, float]:
    columns = pq.read_schema(path).names
    names = [name for name in (*MODELS, MARGIN) if name in columns]
    table = pq.read_table(path, columns=names, partitioning=None)
    means = {name: pc.mean(table[name]).as_py() for name in names}
    return {name: mean for name, mean in means.items() if mean is not None}
